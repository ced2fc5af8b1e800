//! The layout of one frame: which bits are which number.
//!
//! A type is `u8` … `u64`, `i8` … `i64`, `f32`, `f64`, `bits 3` or `pad 2`; behind it `little` or `big`, `[4]` for four of
//! them, `= 7` for one that is always 7. Neighbouring `bits` share whole bytes: the first has the lowest bits where the
//! order is little, the highest where it is big, as C compilers lay out their bit fields.

use crate::codec::framed::{Order, Raw};

/// Widths in bits that whole numbers may have.
pub const WIDTHS: &[usize] = &[8, 16, 24, 32, 48, 64];
/// Largest frame in bytes.
const FRAME_MAX: usize = 4096;

/// The fields of a frame.
#[derive(Clone, PartialEq, Debug)]
pub struct Layout {
    fields: Vec<Field>,
    size: usize,
}

/// One number of a frame.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    /// Its first byte, and how many it shares with its neighbours.
    start: usize,
    bytes: usize,
    order: Order,
    kind: Kind,
    always: Option<i128>,
}

#[derive(Copy, Clone, PartialEq, Debug)]
enum Kind {
    /// `width` bits from bit `shift` of the number that the bytes are.
    Whole {
        shift: usize,
        width: usize,
        signed: bool,
    },
    Real,
}

/// A run of `bits` that has not ended.
struct Run {
    /// Index of its first field.
    first: usize,
    bits: usize,
    order: Order,
}

impl Layout {
    /// Reads the types; `order` is that of fields which do not say it. The error: which field, and why.
    pub fn new(fields: &[(String, String)], order: Order) -> Result<Layout, (usize, String)> {
        let mut layout = Layout { fields: Vec::new(), size: 0 };
        let mut run: Option<Run> = None;
        for (index, (name, text)) in fields.iter().enumerate() {
            let wrong = |why: String| (index, why);
            let made = Type::read(text, order).map_err(wrong)?;
            if let What::Bits(width) = made.what {
                let open = run.get_or_insert(Run { first: layout.fields.len(), bits: 0, order: made.order });
                if open.order != made.order {
                    return Err(wrong("stands among bits of the other order".into()));
                }
                let kind = Kind::Whole { shift: open.bits, width, signed: false };
                open.bits += width;
                layout.push(name, 0, made.order, kind, made.always).map_err(wrong)?;
                continue;
            }
            if let Some(run) = run.take() {
                layout.close(run).map_err(|why| (index - 1, why))?;
            }
            let size = match made.what {
                What::Pad(bytes) => {
                    layout.size += bytes;
                    0
                }
                What::Whole { width, .. } => width / 8,
                What::Real(bytes) => bytes,
                What::Bits(_) => 0,
            };
            for place in 0..made.count.unwrap_or(1) {
                let kind = match made.what {
                    What::Whole { width, signed } => Kind::Whole { shift: 0, width, signed },
                    What::Real(_) => Kind::Real,
                    What::Pad(_) | What::Bits(_) => break,
                };
                let name = if made.count.is_some() { format!("{name}[{place}]") } else { name.clone() };
                layout.push(&name, size, made.order, kind, made.always).map_err(wrong)?;
            }
            if layout.size > FRAME_MAX {
                return Err(wrong(format!("lies beyond byte {FRAME_MAX} of the frame")));
            }
        }
        if let Some(run) = run {
            layout.close(run).map_err(|why| (fields.len() - 1, why))?;
        }
        Ok(layout)
    }

    fn push(&mut self, name: &str, bytes: usize, order: Order, kind: Kind, always: Option<i128>) -> Result<(), String> {
        let field = Field { name: name.to_owned(), start: self.size, bytes, order, kind, always };
        if let Some(always) = always
            && !field.holds(always)
        {
            return Err(format!("is always {always}, which it has no room for"));
        }
        self.size += bytes;
        self.fields.push(field);
        Ok(())
    }

    /// Gives the bits of a run their bytes.
    fn close(&mut self, run: Run) -> Result<(), String> {
        if !run.bits.is_multiple_of(8) || run.bits > 64 {
            let count = run.bits;
            return Err(format!("ends a run of {count} bits; neighbouring bits are 8, 16, … 64 together"));
        }
        for field in &mut self.fields[run.first..] {
            field.bytes = run.bits / 8;
            if let (Kind::Whole { shift, width, .. }, Order::Big) = (&mut field.kind, run.order) {
                *shift = run.bits - *shift - *width;
            }
        }
        self.size += run.bits / 8;
        Ok(())
    }

    /// Bytes of the frame.
    pub fn size(&self) -> usize {
        self.size
    }
    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }
    /// Whether bytes of the right number can be this frame: what is always the same is so.
    pub(super) fn fits(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.size
            && self.fields.iter().all(|f| f.always.is_none_or(|always| f.read(bytes) == Some(Raw::Whole(always))))
    }
    /// Whether no bytes can be both: sizes or what is always the same differ.
    pub(super) fn excludes(&self, other: &Layout) -> bool {
        self.size != other.size
            || self.fields.iter().filter(|f| f.always.is_some()).any(|a| {
                let same = |b: &&Field| (b.start, b.bytes, b.order, b.kind) == (a.start, a.bytes, a.order, a.kind);
                other.fields.iter().find(same).is_some_and(|b| b.always.is_some() && b.always != a.always)
            })
    }
    /// Bytes that are zero but for what is always the same.
    pub(super) fn blank(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.size];
        for field in &self.fields {
            if let Some(always) = field.always {
                field.put(always as u64, &mut bytes);
            }
        }
        bytes
    }
}

impl Field {
    /// What these bytes hold here; `None` where they are too few.
    pub(super) fn read(&self, bytes: &[u8]) -> Option<Raw> {
        let number = self.order.read(bytes.get(self.start..self.start + self.bytes)?);
        Some(match self.kind {
            Kind::Real if self.bytes == 4 => Raw::Real(f32::from_bits(number as u32).into()),
            Kind::Real => Raw::Real(f64::from_bits(number)),
            Kind::Whole { shift, width, signed } => {
                let bits = number >> shift << (64 - width);
                Raw::Whole(match signed {
                    true => (bits as i64 >> (64 - width)).into(),
                    false => (bits >> (64 - width)).into(),
                })
            }
        })
    }
    /// Writes a number; the error says why it does not fit.
    pub(super) fn write(&self, number: f64, bytes: &mut [u8]) -> Result<(), String> {
        let bits = match self.kind {
            Kind::Real if self.bytes == 4 => {
                let short = number as f32;
                if !short.is_finite() {
                    return Err(format!("{number} does not fit `{}`", self.name));
                }
                short.to_bits().into()
            }
            Kind::Real if number.is_finite() => number.to_bits(),
            Kind::Real => return Err(format!("{number} does not fit `{}`", self.name)),
            Kind::Whole { .. } => {
                let whole = number.round();
                // Within 128 bits the conversion is exact.
                if !whole.is_finite() || whole.abs() > 1e30 || !self.holds(whole as i128) {
                    return Err(format!("{whole} does not fit `{}`", self.name));
                }
                whole as i128 as u64
            }
        };
        self.put(bits, bytes);
        Ok(())
    }
    /// Whether the field says always the same, so that nobody can set it.
    pub(super) fn is_fixed(&self) -> bool {
        self.always.is_some()
    }
    fn holds(&self, whole: i128) -> bool {
        match self.kind {
            Kind::Real => false,
            Kind::Whole { width, signed: true, .. } => (-(1i128 << (width - 1))..1i128 << (width - 1)).contains(&whole),
            Kind::Whole { width, .. } => (0..1i128 << width).contains(&whole),
        }
    }
    /// Puts bits in their place; the bytes are as many as the layout says.
    fn put(&self, bits: u64, bytes: &mut [u8]) {
        let place = &mut bytes[self.start..self.start + self.bytes];
        let joined = match self.kind {
            Kind::Real => bits,
            Kind::Whole { shift, width, .. } => {
                let mask = (u64::MAX >> (64 - width)) << shift;
                self.order.read(place) & !mask | bits << shift & mask
            }
        };
        self.order.write(joined, place);
    }
}

#[derive(Copy, Clone)]
enum What {
    Whole { width: usize, signed: bool },
    Real(usize),
    Bits(usize),
    Pad(usize),
}

struct Type {
    what: What,
    order: Order,
    count: Option<usize>,
    always: Option<i128>,
}

impl Type {
    fn read(text: &str, order: Order) -> Result<Type, String> {
        let none = || {
            let known = "u8 to u64, i8 to i64, f32, f64, `bits 3` or `pad 2`";
            format!("is `{text}`, which is no type: {known}, and behind it `little`, `big`, `[4]` or `= 7`")
        };
        let (front, always) = match text.split_once('=') {
            Some((front, number)) => (front, Some(whole(number.trim()).ok_or_else(none)?)),
            None => (text, None),
        };
        let (front, count) = match front.split_once('[') {
            Some((front, rest)) => {
                let (count, behind) = rest.split_once(']').ok_or_else(none)?;
                let count: usize =
                    count.trim().parse().ok().filter(|n| (1..=FRAME_MAX).contains(n)).ok_or_else(none)?;
                (format!("{front} {behind}"), Some(count))
            }
            None => (front.to_owned(), None),
        };
        let mut words: Vec<&str> = front.split_whitespace().collect();
        let order = match words.last() {
            Some(&"little") => words.pop().map_or(order, |_| Order::Little),
            Some(&"big") => words.pop().map_or(order, |_| Order::Big),
            _ => order,
        };
        let number = |text: &str, most: usize| text.parse().ok().filter(|n| (1..=most).contains(n));
        let what = match words[..] {
            ["f32"] => What::Real(4),
            ["f64"] => What::Real(8),
            ["bits", bits] => What::Bits(number(bits, 64).ok_or_else(none)?),
            ["pad", bytes] => What::Pad(number(bytes, FRAME_MAX).ok_or_else(none)?),
            [name] if name.is_char_boundary(1) => {
                let signed = match &name[..1] {
                    "u" => false,
                    "i" => true,
                    _ => return Err(none()),
                };
                let width = name[1..].parse().ok().filter(|width| WIDTHS.contains(width)).ok_or_else(none)?;
                What::Whole { width, signed }
            }
            _ => return Err(none()),
        };
        if count.is_some() && matches!(what, What::Bits(_) | What::Pad(_))
            || always.is_some() && matches!(what, What::Real(_) | What::Pad(_))
        {
            return Err(none());
        }
        Ok(Type { what, order, count, always })
    }
}

fn whole(text: &str) -> Option<i128> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok().map(i128::from),
        None => text.parse::<i64>().ok().map(i128::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(fields: &[(&str, &str)], order: Order) -> Result<Layout, (usize, String)> {
        let fields: Vec<_> = fields.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
        Layout::new(&fields, order)
    }

    fn read(layout: &Layout, bytes: &[u8]) -> Vec<(String, Raw)> {
        layout.fields().iter().map(|f| (f.name.clone(), f.read(bytes).expect("enough bytes"))).collect()
    }

    #[test]
    fn each_type_reads_its_bits() {
        let fields = [
            ("a", "u8"),
            ("b", "i16"),
            ("c", "u16 big"),
            ("low", "bits 3"),
            ("mid", "bits 4"),
            ("top", "bits 1"),
            ("gap", "pad 1"),
            ("d", "i24"),
            ("e", "f32"),
            ("g", "u8[2]"),
            ("magic", "u16 = 0x1234"),
        ];
        let little = layout(&fields, Order::Little).expect("right");
        let bytes =
            [7, 0xFE, 0xFF, 0x01, 0x02, 0b1010_1110, 0x99, 0xFF, 0xFF, 0x7F, 0x00, 0x00, 0xC0, 0x3F, 1, 2, 0x34, 0x12];
        assert_eq!(little.size(), bytes.len());
        let wanted: Vec<(String, Raw)> = [
            ("a", Raw::Whole(7)),
            ("b", Raw::Whole(-2)),
            ("c", Raw::Whole(0x0102)),
            ("low", Raw::Whole(0b110)),
            ("mid", Raw::Whole(0b0101)),
            ("top", Raw::Whole(1)),
            ("d", Raw::Whole(0x7F_FFFF)),
            ("e", Raw::Real(1.5)),
            ("g[0]", Raw::Whole(1)),
            ("g[1]", Raw::Whole(2)),
            ("magic", Raw::Whole(0x1234)),
        ]
        .map(|(name, raw)| (name.to_string(), raw))
        .to_vec();
        assert_eq!(read(&little, &bytes), wanted);
        assert!(little.fits(&bytes) && !little.fits(&bytes[1..]));
        let mut written = little.blank();
        assert!(little.fits(&written));
        for (field, (_, raw)) in little.fields().iter().zip(&wanted) {
            field.write(raw.number().expect("a number"), &mut written).expect("it was read");
        }
        let mut plain = bytes;
        plain[6] = 0;
        assert_eq!(written, plain, "but for the padding");
        let big = layout(&[("first", "bits 3"), ("second", "bits 13"), ("last", "u64")], Order::Big).expect("right");
        let bytes = [0b1010_0000, 0b0000_0011, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        let told = read(&big, &bytes);
        assert_eq!(told[0].1, Raw::Whole(0b101));
        assert_eq!(told[1].1, Raw::Whole(3));
        assert_eq!(told[2].1, Raw::Whole(u64::MAX.into()));
    }

    #[test]
    fn numbers_that_have_no_room_are_refused() {
        let made = layout(&[("a", "i8"), ("b", "bits 8"), ("c", "f32"), ("d", "f64")], Order::Little).expect("right");
        let mut bytes = made.blank();
        for (field, number) in
            [(0, 128.0), (0, -129.0), (0, f64::NAN), (1, -1.0), (1, 256.0), (2, 1e39), (3, f64::INFINITY)]
        {
            assert!(made.fields()[field].write(number, &mut bytes).is_err(), "{number}");
        }
        assert_eq!(bytes, made.blank());
        assert!(made.fields()[0].write(-127.6, &mut bytes).is_ok(), "it is rounded");
        assert_eq!(bytes[0], 0x80);
    }

    #[test]
    fn what_is_no_type_is_told_with_its_place() {
        for (fields, place, why) in [
            (&[("a", "u8"), ("b", "u9")][..], 1, "no type"),
            (&[("a", "")], 0, "no type"),
            (&[("a", "ä8")], 0, "no type"),
            (&[("a", "bits 3"), ("b", "u8")], 0, "3 bits"),
            (&[("a", "u8"), ("b", "bits 65")], 1, "no type"),
            (&[("a", "bits 4"), ("b", "bits 4 big")], 1, "the other order"),
            (&[("a", "u8 = 256")], 0, "no room"),
            (&[("a", "f32 = 1")], 0, "no type"),
            (&[("a", "u64[4000]")], 0, "beyond byte 4096"),
        ] {
            let (at, told) = layout(fields, Order::Little).expect_err("wrong");
            assert_eq!(at, place, "{fields:?}");
            assert!(told.contains(why), "{told}");
        }
    }
}
