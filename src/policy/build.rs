//! From the bytes of an ONNX file to a [`Net`]: every shape is worked out, and every place in the row given away, once.

use super::net::{Net, NetError, Port, Thinker};
use super::ops::{Binary, Spread, Step, Unary};
use super::proto::{self, Attribute, Node, Tensor, ValueInfo};
use super::shape::{ELEMENTS_MAX, RANK_MAX, Shape};
use prost::Message;
use std::collections::BTreeMap;
use std::ops::Range;

/// Longer files are not read, in bytes: a policy that drives a machine is small.
pub const FILE_MAX: usize = 16 << 20;
/// A net that multiplies and adds more often than this for one answer is not read: it would think for longer than a period.
const WORK_MAX: usize = 1 << 26;
/// The oldest set of operators whose meaning is the one of today.
const OPSET_LEAST: i64 = 7;

/// The operators that are supported, as files name them.
pub const OPERATORS: &[&str] = &[
    "Add", "Clip", "Concat", "Constant", "Div", "Flatten", "Gemm", "Identity", "MatMul", "Mul", "Relu", "Reshape",
    "Sigmoid", "Sub", "Tanh",
];

/// Where more operators are to be had.
const MORE: &str =
    if cfg!(feature = "onnx") { "" } else { "; a program that is built with `--features onnx` knows more" };

/// A tensor that is known while the net is built.
#[derive(Clone, Debug)]
enum Value {
    /// Numbers at a place in the row.
    Numbers { shape: Shape, place: Range<usize> },
    /// Whole numbers, which only say how others are laid out.
    Wholes { list: Vec<i64> },
}

struct Builder {
    row: Vec<f32>,
    steps: Vec<Step>,
    values: BTreeMap<String, Value>,
    /// Places in the row whose numbers stand in the file.
    fixed: Vec<Range<usize>>,
    work: usize,
}

fn wrong<T>(why: impl Into<String>) -> Result<T, NetError> {
    Err(NetError(why.into()))
}

/// Reads and checks a file.
pub fn read(bytes: &[u8]) -> Result<Net, NetError> {
    if bytes.len() > FILE_MAX {
        return wrong(format!("the file has {} bytes; more than {FILE_MAX} are not read", bytes.len()));
    }
    let model = proto::Model::decode(bytes).map_err(|error| NetError(format!("it is no ONNX file: {error}")))?;
    let opset = opset(&model);
    let Some(graph) = model.graph else { return wrong("it is no ONNX file: it holds no graph") };
    if opset < OPSET_LEAST {
        return wrong(format!("it is written in operator set {opset}; sets from {OPSET_LEAST} on are supported"));
    }
    if !graph.sparse.is_empty() {
        return wrong("it holds sparse tensors, which are not supported");
    }
    let mut builder =
        Builder { row: Vec::new(), steps: Vec::new(), values: BTreeMap::new(), fixed: Vec::new(), work: 0 };
    for tensor in &graph.initializer {
        let value = builder.constant(tensor)?;
        builder.name(&tensor.name, value)?;
    }
    let mut inputs = Vec::new();
    // Old files list the initializers among the inputs.
    for info in graph.input.iter().filter(|info| !builder.values.contains_key(&info.name)).collect::<Vec<_>>() {
        inputs.push(builder.input(info)?);
    }
    if inputs.is_empty() {
        return wrong("the net has no input");
    }
    for node in &graph.node {
        if !is_known(node) {
            let domain = if own(&node.domain) { String::new() } else { format!("{}.", node.domain) };
            return wrong(format!(
                "operator `{domain}{}` is not supported (there are {}){MORE}",
                node.op_type,
                OPERATORS.join(", ")
            ));
        }
        builder.node(node).map_err(|error| NetError(format!("{}: {error}", called(node))))?;
    }
    let mut outputs: Vec<Port> = Vec::new();
    for info in &graph.output {
        match builder.values.get(&info.name) {
            Some(Value::Numbers { shape, place }) => {
                outputs.push(Port { name: info.name.clone(), sizes: shape.0.clone(), place: place.clone() });
            }
            Some(Value::Wholes { .. }) => return wrong(format!("output `{}` is not of float32", info.name)),
            None => return wrong(format!("nothing makes the output `{}`", info.name)),
        }
    }
    if outputs.is_empty() {
        return wrong("the net has no output");
    }
    Ok(Net { thinker: Thinker::Own { row: builder.row, steps: builder.steps }, inputs, outputs })
}

fn own(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

fn opset(model: &proto::Model) -> i64 {
    model.opset_import.iter().find(|set| own(&set.domain)).map_or(1, |set| set.version)
}

fn is_known(node: &Node) -> bool {
    own(&node.domain) && OPERATORS.contains(&node.op_type.as_str())
}

/// Whether a file is whole as far as we can tell and wants something of an evaluator that ours does not know.
#[cfg(feature = "onnx")]
pub(super) fn is_beyond(bytes: &[u8]) -> bool {
    let Some(model) = proto::Model::decode(bytes).ok().filter(|model| opset(model) >= OPSET_LEAST) else {
        return false;
    };
    let Some(graph) = model.graph else { return false };
    // Others' operators may mean anything, whatever they are called.
    let plain = graph.node.iter().all(|node| own(&node.domain)) && graph.sparse.is_empty();
    let whole = |tensor: &Tensor| tensor.data_location == 0 && Shape::read(&tensor.dims, &tensor.name).is_ok();
    let strange = |tensor: &Tensor| !matches!(tensor.data_type, proto::FLOAT | proto::INT64);
    plain
        && graph.initializer.iter().all(whole)
        && (graph.node.iter().any(|node| !is_known(node)) || graph.initializer.iter().any(strange))
}

/// A node, for people.
fn called(node: &Node) -> String {
    if node.name.is_empty() { format!("a `{}`", node.op_type) } else { format!("`{}` ({})", node.name, node.op_type) }
}

impl Builder {
    fn name(&mut self, name: &str, value: Value) -> Result<(), NetError> {
        if name.is_empty() {
            return wrong("a tensor has no name");
        }
        match self.values.insert(name.to_owned(), value) {
            Some(_) => wrong(format!("two tensors are called `{name}`")),
            None => Ok(()),
        }
    }
    /// Makes room at the end of the row.
    fn room(&mut self, count: usize) -> Result<Range<usize>, NetError> {
        let begin = self.row.len();
        let end = begin.checked_add(count).filter(|end| *end <= ELEMENTS_MAX);
        let end = end.ok_or_else(|| NetError(format!("the net works with more than {ELEMENTS_MAX} numbers")))?;
        self.row.resize(end, 0.0);
        Ok(begin..end)
    }
    fn spend(&mut self, work: Option<usize>) -> Result<(), NetError> {
        match work.and_then(|work| self.work.checked_add(work)).filter(|work| *work <= WORK_MAX) {
            Some(work) => self.work = work,
            None => return wrong(format!("the net multiplies more than {WORK_MAX} times for one answer")),
        }
        Ok(())
    }
    fn input(&mut self, info: &ValueInfo) -> Result<Port, NetError> {
        let name = &info.name;
        let tensor = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
        let Some(tensor) = tensor else { return wrong(format!("input `{name}` is no tensor")) };
        if tensor.elem_type != proto::FLOAT {
            return wrong(format!("input `{name}` is of {}; float32 is supported", type_name(tensor.elem_type)));
        }
        let dims = tensor.shape.as_ref().map_or(&[][..], |shape| &shape.dim);
        let sizes: Vec<i64> = dims.iter().map(|dim| dim.dim_value.unwrap_or(1)).collect();
        let shape = Shape::read(&sizes, name)?;
        let place = self.room(shape.count())?;
        self.name(name, Value::Numbers { shape: shape.clone(), place: place.clone() })?;
        Ok(Port { name: name.clone(), sizes: shape.0, place })
    }
    fn constant(&mut self, tensor: &Tensor) -> Result<Value, NetError> {
        let name = if tensor.name.is_empty() { "a constant" } else { &tensor.name };
        if tensor.data_location != 0 {
            return wrong(format!("the numbers of `{name}` are in another file; save the net with its weights inside"));
        }
        let shape = Shape::read(&tensor.dims, name)?;
        let short = |found: usize| {
            let wanted = shape.count();
            NetError(format!("`{name}` has {found} numbers where its shape {:?} has {wanted}", shape.0))
        };
        match tensor.data_type {
            proto::FLOAT => {
                let numbers = match &tensor.raw_data {
                    Some(raw) => chunks(raw).map(|list| list.map(f32::from_le_bytes).collect()),
                    None => Some(tensor.float_data.clone()),
                };
                let numbers: Vec<f32> =
                    numbers.ok_or_else(|| NetError(format!("the numbers of `{name}` are cut off")))?;
                if numbers.len() != shape.count() {
                    return Err(short(numbers.len()));
                }
                Ok(self.floats(shape, &numbers)?)
            }
            proto::INT64 => {
                let list = match &tensor.raw_data {
                    Some(raw) => chunks(raw).map(|list| list.map(i64::from_le_bytes).collect()),
                    None => Some(tensor.int64_data.clone()),
                };
                let list: Vec<i64> = list.ok_or_else(|| NetError(format!("the numbers of `{name}` are cut off")))?;
                if list.len() != shape.count() {
                    return Err(short(list.len()));
                }
                Ok(Value::Wholes { list })
            }
            other => wrong(format!("`{name}` is of {}; float32 is supported", type_name(other))),
        }
    }
    fn floats(&mut self, shape: Shape, numbers: &[f32]) -> Result<Value, NetError> {
        let place = self.room(shape.count())?;
        self.row[place.clone()].copy_from_slice(numbers);
        self.fixed.push(place.clone());
        Ok(Value::Numbers { shape, place })
    }
    /// The value under a name; an empty name is an input that was left out.
    fn get(&self, node: &Node, index: usize) -> Result<Option<Value>, NetError> {
        let Some(name) = node.input.get(index).filter(|name| !name.is_empty()) else { return Ok(None) };
        match self.values.get(name) {
            Some(value) => Ok(Some(value.clone())),
            None => {
                wrong(format!("`{name}` is not there yet: the net runs in a circle, or its nodes are out of order"))
            }
        }
    }
    fn numbers(&self, node: &Node, index: usize) -> Result<(Shape, Range<usize>), NetError> {
        match self.get(node, index)? {
            Some(Value::Numbers { shape, place }) => Ok((shape, place)),
            Some(Value::Wholes { .. }) => wrong(format!("`{}` is of int64; float32 is supported", node.input[index])),
            None => wrong(format!("its input {index} is missing")),
        }
    }
    fn node(&mut self, node: &Node) -> Result<(), NetError> {
        let [output] = node.output.as_slice() else {
            return wrong(format!("it makes {} tensors, not one", node.output.len()));
        };
        let known = attributes(&node.op_type);
        if let Some(other) = node.attribute.iter().find(|a| !known.0.contains(&a.name.as_str())) {
            return wrong(format!("its attribute `{}` is not supported", other.name));
        }
        if node.input.len() > known.1 {
            return wrong(format!("it has {} inputs; at most {} are supported", node.input.len(), known.1));
        }
        let value = match node.op_type.as_str() {
            "Relu" => self.unary(node, Unary::Relu)?,
            "Tanh" => self.unary(node, Unary::Tanh)?,
            "Sigmoid" => self.unary(node, Unary::Sigmoid)?,
            "Clip" => {
                let limits = (self.limit(node, 1, "min", f32::MIN)?, self.limit(node, 2, "max", f32::MAX)?);
                self.unary(node, Unary::Clip { least: limits.0, most: limits.1 })?
            }
            "Add" => self.binary(node, Binary::Add)?,
            "Sub" => self.binary(node, Binary::Sub)?,
            "Mul" => self.binary(node, Binary::Mul)?,
            "Div" => self.binary(node, Binary::Div)?,
            "Gemm" => self.gemm(node)?,
            "MatMul" => self.matmul(node)?,
            "Concat" => self.concat(node)?,
            "Reshape" => self.reshape(node)?,
            "Flatten" => self.flatten(node)?,
            "Identity" => self.get(node, 0)?.ok_or_else(|| NetError("its input 0 is missing".into()))?,
            "Constant" => self.constant_node(node)?,
            other => unreachable!("`{other}` stands in OPERATORS"),
        };
        self.name(output, value)
    }
    fn unary(&mut self, node: &Node, what: Unary) -> Result<Value, NetError> {
        let (shape, from) = self.numbers(node, 0)?;
        let to = self.room(shape.count())?;
        self.spend(Some(to.len()))?;
        self.steps.push(Step::Unary { what, from, to: to.clone() });
        Ok(Value::Numbers { shape, place: to })
    }
    /// A limit of a Clip: a constant, as an input or (in old files) as an attribute.
    fn limit(&self, node: &Node, index: usize, name: &str, otherwise: f32) -> Result<f32, NetError> {
        if self.get(node, index)?.is_none() {
            return Ok(attribute(node, name).map_or(otherwise, |a| a.f));
        }
        let (shape, place) = self.numbers(node, index)?;
        if shape.count() != 1 || !self.fixed.iter().any(|fixed| fixed.contains(&place.start)) {
            return wrong(format!("its limit `{name}` is not one constant number"));
        }
        Ok(self.row[place.start])
    }
    fn binary(&mut self, node: &Node, what: Binary) -> Result<Value, NetError> {
        let ((a, a_place), (b, b_place)) = (self.numbers(node, 0)?, self.numbers(node, 1)?);
        let shape = a.broadcast(&b).ok_or_else(|| NetError(format!("shapes {:?} and {:?} do not fit", a.0, b.0)))?;
        let to = self.room(shape.count())?;
        self.spend(Some(to.len()))?;
        let mut sizes = [1; RANK_MAX];
        sizes[..shape.0.len()].copy_from_slice(&shape.0);
        self.steps.push(Step::Binary {
            what,
            a: Spread { from: a_place, strides: a.strides_in(&shape) },
            b: Spread { from: b_place, strides: b.strides_in(&shape) },
            sizes,
            to: to.clone(),
        });
        Ok(Value::Numbers { shape, place: to })
    }
    fn gemm(&mut self, node: &Node) -> Result<Value, NetError> {
        let ((a, a_place), (b, b_place)) = (self.numbers(node, 0)?, self.numbers(node, 1)?);
        let ([a0, a1], [b0, b1]) = (a.0.as_slice(), b.0.as_slice()) else {
            return wrong(format!("it multiplies matrices, not shapes {:?} and {:?}", a.0, b.0));
        };
        let turned = |name| attribute(node, name).is_some_and(|a| a.i != 0);
        let (rows, inner, a_steps) = if turned("transA") { (*a1, *a0, (1, *a1)) } else { (*a0, *a1, (*a1, 1)) };
        let (b_inner, columns, b_steps) = if turned("transB") { (*b1, *b0, (1, *b1)) } else { (*b0, *b1, (*b1, 1)) };
        if inner != b_inner {
            return wrong(format!("shapes {:?} and {:?} do not fit", a.0, b.0));
        }
        let shape = Shape(vec![rows, columns]);
        let factor = |name| attribute(node, name).map_or(1.0, |a| a.f);
        let add = match self.get(node, 2)? {
            None => None,
            Some(_) => {
                let (c, place) = self.numbers(node, 2)?;
                if c.broadcast(&shape).as_ref() != Some(&shape) {
                    return wrong(format!("what it adds has shape {:?}, which does not fit {:?}", c.0, shape.0));
                }
                Some((Spread { from: place, strides: c.strides_in(&shape) }, factor("beta")))
            }
        };
        let alpha = factor("alpha");
        self.product(shape, (a_place, a_steps), (b_place, b_steps), (rows, inner, columns), alpha, add)
    }
    fn matmul(&mut self, node: &Node) -> Result<Value, NetError> {
        let ((a, a_place), (b, b_place)) = (self.numbers(node, 0)?, self.numbers(node, 1)?);
        let misfit = || NetError(format!("shapes {:?} and {:?} do not fit", a.0, b.0));
        let (Some((inner, lead)), true) = (a.0.split_last(), (1..=2).contains(&b.0.len())) else {
            return wrong(format!("shapes {:?} and {:?}: only a matrix or a row can be multiplied with", a.0, b.0));
        };
        if *inner != b.0[0] {
            return Err(misfit());
        }
        // A vector on the right is a matrix of one column, which the result then has not.
        let columns = b.0.get(1).copied();
        let shape = Shape(lead.iter().copied().chain(columns).collect());
        let sizes = (lead.iter().product(), *inner, columns.unwrap_or(1));
        self.product(shape, (a_place, (*inner, 1)), (b_place, (sizes.2, 1)), sizes, 1.0, None)
    }
    fn product(
        &mut self,
        shape: Shape,
        (a, a_steps): (Range<usize>, (usize, usize)),
        (b, b_steps): (Range<usize>, (usize, usize)),
        (rows, inner, columns): (usize, usize, usize),
        alpha: f32,
        add: Option<(Spread, f32)>,
    ) -> Result<Value, NetError> {
        let count = rows.checked_mul(columns);
        self.spend(count.and_then(|count| count.checked_mul(inner)))?;
        let to = self.room(count.expect("the product was just seen to fit"))?;
        self.steps.push(Step::Product { a, b, rows, inner, columns, a_steps, b_steps, alpha, add, to: to.clone() });
        Ok(Value::Numbers { shape, place: to })
    }
    fn concat(&mut self, node: &Node) -> Result<Value, NetError> {
        let parts = (0..node.input.len()).map(|i| self.numbers(node, i)).collect::<Result<Vec<_>, _>>()?;
        let Some((first, _)) = parts.first() else { return wrong("it has no inputs") };
        let named = attribute(node, "axis").ok_or_else(|| NetError("it names no axis".into()))?.i;
        let axis = first.axis(named, false);
        let axis = axis.ok_or_else(|| NetError(format!("axis {named} is none of the shape {:?}", first.0)))?;
        let mut shape = first.clone();
        shape.0[axis] = 0;
        for (part, _) in &parts {
            let others = |s: &Shape| s.0.iter().enumerate().filter(|(i, _)| *i != axis).map(|(_, n)| *n).collect();
            let (own, all): (Vec<usize>, Vec<usize>) = (others(part), others(first));
            if part.0.len() != first.0.len() || own != all {
                return wrong(format!("shapes {:?} and {:?} do not fit", first.0, part.0));
            }
            shape.0[axis] += part.0[axis];
        }
        let blocks: usize = first.0[..axis].iter().product();
        let inner: usize = first.0[axis + 1..].iter().product();
        let to = self.room(blocks.saturating_mul(inner).saturating_mul(shape.0[axis]))?;
        self.spend(Some(to.len()))?;
        let parts = parts.into_iter().map(|(part, place)| (place, part.0[axis] * inner)).collect();
        self.steps.push(Step::Concat { parts, blocks, to: to.clone() });
        Ok(Value::Numbers { shape, place: to })
    }
    fn reshape(&mut self, node: &Node) -> Result<Value, NetError> {
        let (shape, place) = self.numbers(node, 0)?;
        let Some(Value::Wholes { list }) = self.get(node, 1)? else {
            return wrong("its shape is not a constant of int64");
        };
        let zero_is_zero = attribute(node, "allowzero").is_some_and(|a| a.i != 0);
        if list.len() > RANK_MAX {
            return wrong(format!("it wants {} dimensions; at most {RANK_MAX} are supported", list.len()));
        }
        let misfit = || NetError(format!("shape {:?} cannot become {list:?}", shape.0));
        let mut sizes = Vec::new();
        for (axis, size) in list.iter().enumerate() {
            sizes.push(match size {
                0 if !zero_is_zero => *shape.0.get(axis).ok_or_else(misfit)?,
                -1 => 1,
                size => usize::try_from(*size).map_err(|_| misfit())?,
            });
        }
        let known = sizes.iter().try_fold(1_usize, |all, size| all.checked_mul(*size)).ok_or_else(misfit)?;
        let open: Vec<usize> = list.iter().enumerate().filter(|(_, size)| **size == -1).map(|(i, _)| i).collect();
        match open.as_slice() {
            [] => {}
            [axis] if known > 0 && shape.count().is_multiple_of(known) => sizes[*axis] = shape.count() / known,
            _ => return Err(misfit()),
        }
        if sizes.iter().product::<usize>() != shape.count() {
            return Err(misfit());
        }
        Ok(Value::Numbers { shape: Shape(sizes), place })
    }
    fn flatten(&mut self, node: &Node) -> Result<Value, NetError> {
        let (shape, place) = self.numbers(node, 0)?;
        let named = attribute(node, "axis").map_or(1, |a| a.i);
        let axis = shape.axis(named, true);
        let axis = axis.ok_or_else(|| NetError(format!("axis {named} is none of the shape {:?}", shape.0)))?;
        let (rows, columns) = shape.0.split_at(axis);
        Ok(Value::Numbers { shape: Shape(vec![rows.iter().product(), columns.iter().product()]), place })
    }
    fn constant_node(&mut self, node: &Node) -> Result<Value, NetError> {
        let [held] = node.attribute.as_slice() else { return wrong("it holds not one value") };
        let line = |count: usize| Shape::read(&[i64::try_from(count).unwrap_or(i64::MAX)], "a constant");
        match (held.name.as_str(), &held.t) {
            ("value", Some(tensor)) => self.constant(tensor),
            ("value_float", _) => self.floats(Shape::default(), &[held.f]),
            ("value_floats", _) => self.floats(line(held.floats.len())?, &held.floats),
            ("value_int", _) => Ok(Value::Wholes { list: vec![held.i] }),
            ("value_ints", _) => Ok(Value::Wholes { list: held.ints.clone() }),
            (name, _) => wrong(format!("its attribute `{name}` is empty")),
        }
    }
}

/// What an operator may have: names of attributes, and the greatest number of inputs.
fn attributes(operator: &str) -> (&'static [&'static str], usize) {
    match operator {
        "Clip" => (&["min", "max"], 3),
        "Concat" => (&["axis"], usize::MAX),
        "Constant" => (&["value", "value_float", "value_floats", "value_int", "value_ints"], 0),
        "Flatten" => (&["axis"], 1),
        "Gemm" => (&["alpha", "beta", "transA", "transB"], 3),
        "Reshape" => (&["allowzero"], 2),
        "Relu" | "Tanh" | "Sigmoid" | "Identity" => (&[], 1),
        _ => (&[], 2),
    }
}

fn attribute<'n>(node: &'n Node, name: &str) -> Option<&'n Attribute> {
    node.attribute.iter().find(|a| a.name == name)
}

/// Bytes in groups of a number's size; `None` if the last one is cut off.
fn chunks<const N: usize>(raw: &[u8]) -> Option<impl Iterator<Item = [u8; N]>> {
    let (groups, rest) = raw.as_chunks::<N>();
    rest.is_empty().then(|| groups.iter().copied())
}

/// What ONNX calls a type.
fn type_name(number: i32) -> String {
    let known = [
        (2, "uint8"),
        (3, "int8"),
        (5, "int16"),
        (6, "int32"),
        (7, "int64"),
        (9, "bool"),
        (10, "float16"),
        (11, "float64"),
        (16, "bfloat16"),
    ];
    known.iter().find(|(n, _)| *n == number).map_or_else(|| format!("type {number}"), |(_, name)| (*name).to_owned())
}
