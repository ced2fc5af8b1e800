//! What a net file can get wrong. What right ones answer is held against ONNX's own evaluator in `tests/policy.rs`.

use super::proto::{
    self, Attribute, Dimension, Graph, Model, Node, OperatorSet, Shape, Tensor, TensorType, Type, ValueInfo,
};
use super::{Net, OPERATORS};
use prost::Message;

fn port(name: &str, sizes: &[i64]) -> ValueInfo {
    let dim = sizes.iter().map(|size| Dimension { dim_value: Some(*size) }).collect();
    let tensor_type = Some(TensorType { elem_type: proto::FLOAT, shape: Some(Shape { dim }) });
    ValueInfo { name: name.into(), r#type: Some(Type { tensor_type }) }
}

fn weights(name: &str, dims: &[i64], numbers: &[f32]) -> Tensor {
    Tensor {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: proto::FLOAT,
        float_data: numbers.to_vec(),
        ..Tensor::default()
    }
}

fn node(kind: &str, input: &[&str], output: &str) -> Node {
    Node {
        op_type: kind.into(),
        input: input.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        ..Node::default()
    }
}

/// `y = x + w` over three numbers.
fn graph() -> Graph {
    Graph {
        node: vec![node("Add", &["x", "w"], "y")],
        initializer: vec![weights("w", &[3], &[1.0, 2.0, 3.0])],
        input: vec![port("x", &[3])],
        output: vec![port("y", &[3])],
        sparse: Vec::new(),
    }
}

fn bytes(graph: Graph) -> Vec<u8> {
    let opset_import = vec![OperatorSet { domain: String::new(), version: 13 }];
    Model { ir_version: 8, graph: Some(graph), opset_import }.encode_to_vec()
}

/// What is said of the small net after a change.
fn said(change: impl FnOnce(&mut Graph)) -> String {
    let mut changed = graph();
    change(&mut changed);
    match Net::read(&bytes(changed)) {
        Ok(_) => panic!("it was read"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_small_net_is_right_before_it_is_changed() {
    let mut net = Net::read(&bytes(graph())).expect("nothing is wrong with it");
    let mut answer = [0.0; 3];
    net.think(&[10.0, 20.0, 30.0], &mut answer);
    assert_eq!(answer, [11.0, 22.0, 33.0]);
    assert_eq!((net.inputs()[0].name.as_str(), net.outputs()[0].sizes.as_slice()), ("x", &[3_usize][..]));
}

#[test]
fn an_operator_that_is_not_supported_is_named_with_those_that_are() {
    let error = said(|g| g.node[0].op_type = "Fold".into());
    assert!(error.contains("`Fold`") && OPERATORS.iter().all(|known| error.contains(known)), "{error}");
    let error = said(|g| g.node[0].domain = "com.example".into());
    assert!(error.contains("`com.example.Add`"), "{error}");
    let error = said(|g| g.node[0].attribute.push(Attribute { name: "broadcast".into(), ..Attribute::default() }));
    assert!(error.contains("`broadcast`"), "{error}");
}

#[test]
fn a_circle_and_a_tensor_of_nobody_are_named() {
    let error = said(|g| {
        g.node = vec![node("Add", &["x", "back"], "y"), node("Relu", &["y"], "back")];
    });
    assert!(error.contains("`back`") && error.contains("circle"), "{error}");
    assert!(said(|g| g.node[0].input[1] = "gone".into()).contains("`gone`"));
    assert!(said(|g| g.output[0].name = "gone".into()).contains("`gone`"));
    assert!(said(|g| g.node.push(node("Relu", &["x"], "y"))).contains("two tensors are called `y`"));
    assert!(said(|g| g.output.clear()).contains("no output"));
    assert!(said(|g| g.input.clear()).contains("no input"));
    assert!(said(|g| g.node[0].input.truncate(1)).contains("input 1 is missing"));
    assert!(said(|g| g.node[0].output.clear()).contains("makes 0 tensors"));
}

#[test]
fn giant_and_wrong_shapes_are_refused_without_the_memory_for_them() {
    for sizes in [vec![i64::MAX, i64::MAX], vec![1 << 30], vec![-3], vec![0], vec![1; 40]] {
        let error = said(|g| g.initializer[0].dims = sizes.clone());
        assert!(error.contains("`w`"), "{sizes:?}: {error}");
        let error = said(|g| g.input[0] = port("x", &sizes));
        assert!(error.contains("`x`"), "{sizes:?}: {error}");
    }
    assert!(said(|g| g.initializer[0].dims = vec![4]).contains("has 3 numbers"));
    assert!(said(|g| g.input[0] = port("x", &[4])).contains("do not fit"));
    // Two that are small, and huge once stretched to each other.
    let error = said(|g| {
        g.input = vec![port("x", &[1 << 15, 1]), port("v", &[1, 1 << 15])];
        g.node[0].input[1] = "v".into();
    });
    assert!(error.contains("numbers") || error.contains("multiplies"), "{error}");
    // A product that would take minutes.
    let error = said(|g| {
        g.input = vec![port("x", &[2000, 1000]), port("v", &[1000, 2000])];
        g.node = vec![node("MatMul", &["x", "v"], "y")];
    });
    assert!(error.contains("multiplies"), "{error}");
}

#[test]
fn what_is_no_float_is_named_by_its_type() {
    assert!(said(|g| g.initializer[0].data_type = 11).contains("float64"));
    assert!(said(|g| g.initializer[0].data_type = 99).contains("type 99"));
    assert!(said(|g| g.initializer[0].data_location = 1).contains("another file"));
    assert!(said(|g| g.initializer[0].raw_data = Some(vec![0; 11])).contains("cut off"));
    assert!(said(|g| g.sparse.push(vec![1])).contains("sparse"));
    let whole =
        Tensor { name: "w".into(), dims: vec![1], data_type: proto::INT64, int64_data: vec![1], ..Tensor::default() };
    assert!(said(|g| g.initializer[0] = whole).contains("int64"));
}

#[test]
fn each_operator_holds_its_inputs_to_what_it_can_do() {
    let with = |kind: &str, names: &[(&str, i64)], sizes: &[i64]| {
        let mut changed = node(kind, &["x", "w"], "y");
        for (name, i) in names {
            changed.attribute.push(Attribute { name: (*name).into(), i: *i, ..Attribute::default() });
        }
        let sizes = sizes.to_vec();
        said(move |g| {
            g.input[0] = port("x", &sizes);
            g.node = vec![changed];
        })
    };
    assert!(with("Gemm", &[], &[1, 3]).contains("multiplies matrices"));
    assert!(with("MatMul", &[], &[2, 2]).contains("do not fit"));
    assert!(with("Concat", &[], &[3]).contains("no axis"));
    assert!(with("Concat", &[("axis", 1)], &[3]).contains("axis 1"));
    assert!(with("Concat", &[("axis", 0)], &[3, 3]).contains("do not fit"));
    assert!(with("Reshape", &[], &[3]).contains("constant of int64"));
    assert!(with("Relu", &[], &[3]).contains("has 2 inputs"));
    assert!(with("Constant", &[], &[3]).contains("has 2 inputs"));
    // A limit that is only known once the net thinks.
    assert!(said(|g| g.node = vec![node("Clip", &["w", "x"], "y")]).contains("limit `min`"));
    let reshaped = |list: &[i64]| {
        let shape = Tensor {
            name: "s".into(),
            dims: vec![list.len() as i64],
            data_type: proto::INT64,
            int64_data: list.to_vec(),
            ..Tensor::default()
        };
        said(move |g| {
            g.initializer.push(shape);
            g.node = vec![node("Reshape", &["x", "s"], "y")];
        })
    };
    for list in [&[2, -1][..], &[-1, -1], &[i64::MAX, i64::MAX], &[-7], &[1, 1, 0], &[4]] {
        assert!(reshaped(list).contains("cannot become"), "{list:?}");
    }
}

#[test]
fn old_sets_of_operators_are_refused() {
    let opset_import = vec![OperatorSet { domain: String::new(), version: 6 }];
    let model = Model { ir_version: 3, graph: Some(graph()), opset_import };
    let error = Net::read(&model.encode_to_vec()).unwrap_err().to_string();
    assert!(error.contains("operator set 6"), "{error}");
}
