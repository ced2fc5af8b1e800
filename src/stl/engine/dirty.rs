//! The nodes whose children changed.

/// Which nodes are to be brought up to date: one bit each, and one for each group of words of these.
#[derive(Clone, Debug)]
pub(super) struct Dirty {
    nodes: Vec<u64>,
    groups: u64,
    /// A group has 2 to the power of this many words.
    group_bits: u32,
}

impl Dirty {
    pub(super) fn new(nodes: usize) -> Dirty {
        let words = nodes.div_ceil(64);
        let group_bits = words.div_ceil(64).next_power_of_two().trailing_zeros();
        Dirty { nodes: vec![0; words], groups: 0, group_bits }
    }

    #[inline]
    pub(super) fn mark(&mut self, node: u32) {
        let word = node / 64;
        self.nodes[word as usize] |= 1 << (node % 64);
        self.groups |= 1 << (word >> self.group_bits);
    }

    /// The first of them. Parents stand behind their children: what gets marked on the way lies ahead.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<usize> {
        while self.groups != 0 {
            let first = (self.groups.trailing_zeros() << self.group_bits) as usize;
            let last = self.nodes.len().min(first + (1 << self.group_bits));
            for word in first..last {
                let nodes = &mut self.nodes[word];
                if *nodes != 0 {
                    let node = word * 64 + nodes.trailing_zeros() as usize;
                    *nodes &= *nodes - 1;
                    return Some(node);
                }
            }
            self.groups &= self.groups - 1;
        }
        None
    }

    /// True when something is marked.
    #[inline]
    pub(super) fn is_any(&self) -> bool {
        self.groups != 0
    }

    pub(super) fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<u64>()
    }
}
