//! Nets that need more than our own evaluator knows, by crate `tract`: convolution, recurrence within one answer, and the like.
//!
//! It allocates while it thinks, and its last bits may differ between processors. A recording holds what was said, so that
//! judging it again needs no net.

use super::net::{NetError, Port};
use super::shape::ELEMENTS_MAX;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tract_onnx::prelude::{
    DatumType, Framework, InferenceFact, InferenceModelExt, IntoRunnable, TDim, TValue, Tensor, TractError,
    TractResult, TypedRunnableModel, tvec,
};
use tract_onnx::tract_hir::infer::{Factoid, GenericFactoid};
use tract_onnx::tract_hir::internal::DimLike;

/// A net that `tract` has made ready. Two are equal that came from the same bytes.
#[derive(Clone)]
pub(super) struct Foreign {
    model: Arc<TypedRunnableModel>,
    file: Arc<[u8]>,
}

impl PartialEq for Foreign {
    fn eq(&self, other: &Foreign) -> bool {
        self.file == other.file
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a net of {} bytes, by tract", self.file.len())
    }
}

/// Reads a file; with what goes in and what comes out.
pub(super) fn read(bytes: &[u8]) -> Result<(Foreign, Vec<Port>, Vec<Port>), NetError> {
    // tract takes more of a file for granted than a file from outside deserves.
    catch_unwind(|| load(bytes)).unwrap_or_else(|_| Err(NetError("it stumbled over the file".to_owned())))
}

fn load(bytes: &[u8]) -> Result<(Foreign, Vec<Port>, Vec<Port>), NetError> {
    let mut model = tract_onnx::onnx().model_for_read(&mut &bytes[..]).map_err(said)?;
    let mut given = Vec::new();
    for (nth, outlet) in model.input_outlets().map_err(said)?.to_vec().into_iter().enumerate() {
        let name = model.node(outlet.node).name.clone();
        let fact = model.outlet_fact(outlet).map_err(said)?;
        if fact.datum_type.concretize().is_some_and(|kind| kind != DatumType::F32) {
            return Err(NetError(format!("input `{name}` is not of float32")));
        }
        // A size that the file leaves open counts as 1, as for nets of our own.
        let size = |dim: &GenericFactoid<TDim>| dim.concretize().and_then(|dim| dim.to_usize().ok()).unwrap_or(1);
        let sizes: Vec<usize> = fact.shape.dims().map(size).collect();
        model.set_input_fact(nth, InferenceFact::dt_shape(DatumType::F32, &sizes)).map_err(said)?;
        given.push((name, sizes));
    }
    let inputs = ports(given)?;
    let model = model.into_optimized().map_err(said)?;
    let mut answers = Vec::new();
    for (nth, outlet) in model.output_outlets().map_err(said)?.iter().enumerate() {
        let fact = model.outlet_fact(*outlet).map_err(said)?;
        let name = model.outlet_label(*outlet).map_or_else(|| format!("output {}", nth + 1), str::to_owned);
        if fact.datum_type != DatumType::F32 {
            return Err(NetError(format!("output `{name}` is not of float32")));
        }
        let sizes = fact.shape.as_concrete().map(<[usize]>::to_vec);
        let sizes = sizes.ok_or_else(|| NetError(format!("how large output `{name}` is changes")))?;
        answers.push((name, sizes));
    }
    let outputs = ports(answers)?;
    let model = model.into_runnable().map_err(said)?;
    Ok((Foreign { model, file: bytes.into() }, inputs, outputs))
}

/// An error of tract's with its causes, on one line.
fn said(error: TractError) -> NetError {
    NetError(format!("{error:#}").replace('\n', " "))
}

/// Places one after the other.
fn ports(named: Vec<(String, Vec<usize>)>) -> Result<Vec<Port>, NetError> {
    let mut at = 0_usize;
    let mut ports = Vec::new();
    for (name, sizes) in named {
        let count = sizes.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
        let end = count.and_then(|count| at.checked_add(count)).filter(|end| *end <= ELEMENTS_MAX);
        let end = end.ok_or_else(|| NetError(format!("`{name}` has more than {ELEMENTS_MAX} numbers")))?;
        ports.push(Port { name, sizes, place: at..end });
        at = end;
    }
    if ports.is_empty() {
        return Err(NetError("the net has no input or no output".to_owned()));
    }
    Ok(ports)
}

impl Foreign {
    /// Thinks. What cannot be worked out comes out as not a number, so that nothing is said.
    pub fn think(&self, inputs: &[Port], given: &[f32], outputs: &[Port], answer: &mut [f32]) {
        answer.fill(f32::NAN);
        let Ok(Ok(row)) = catch_unwind(AssertUnwindSafe(|| self.run(inputs, given))) else { return };
        for (port, value) in outputs.iter().zip(row.iter()) {
            if let Ok(plain) = value.to_plain_array_view::<f32>() {
                answer[port.place.clone()].iter_mut().zip(plain.iter()).for_each(|(to, from)| *to = *from);
            }
        }
    }

    fn run(&self, inputs: &[Port], given: &[f32]) -> TractResult<Vec<TValue>> {
        let mut row = tvec!();
        for port in inputs {
            row.push(Tensor::from_shape(&port.sizes, &given[port.place.clone()])?.into());
        }
        Ok(self.model.run(row)?.into_vec())
    }
}
