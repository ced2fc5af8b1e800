//! Values and proposals out of parsed JSON.

use super::plan::{MayPlan, Pick, PickDecode};
use crate::codec::json::object::{Object, kind_of, read, shortened, truth};
use crate::command::{ARGS_MAX, Command};
use crate::signal::Value;
use serde_json::Value as Json;

impl Pick {
    /// The signal's value; what it cannot be is unknown.
    pub(super) fn value(&self, json: &Json) -> Value {
        match &self.decode {
            PickDecode::Number { scale, offset } => {
                json.as_f64().map_or(Value::Unknown, |raw| Value::Number(raw * scale + offset))
            }
            PickDecode::States(states) => whole(json)
                .and_then(|raw| states.iter().find(|(number, _)| *number == raw))
                .map_or(Value::Unknown, |(_, state)| Value::State(*state)),
            PickDecode::NamedStates(states) => states
                .iter()
                .find(|(name, _)| json.as_str() == Some(name) || json.is_boolean() && json.as_bool() == truth(name))
                .map_or(Value::Unknown, |(_, state)| Value::State(*state)),
            PickDecode::Bit(bit) => whole(json).map_or(Value::Unknown, |raw| Value::Flag(raw >> bit & 1 == 1)),
            PickDecode::Flag => match json {
                Json::Bool(flag) => Value::Flag(*flag),
                Json::Number(number) => number.as_f64().map_or(Value::Unknown, |n| Value::Flag(n != 0.0)),
                _ => Value::Unknown,
            },
        }
    }
}

/// A whole number, also when written `4.0`.
fn whole(json: &Json) -> Option<i64> {
    json.as_i64().or_else(|| {
        let number = json.as_f64()?;
        (number.abs() < 9e15 && number as i64 as f64 == number).then_some(number as i64)
    })
}

impl MayPlan {
    /// Reads what a controller asks for: exactly the arguments, by name, all of them numbers.
    pub(super) fn proposal(&self, payload: &[u8]) -> Result<Command, String> {
        let Object(fields) = read(payload)?;
        let mut args = [0.0; ARGS_MAX];
        let mut given = [false; ARGS_MAX];
        for (name, value) in &fields {
            let Some(place) = self.args.iter().position(|(wanted, ..)| wanted == name) else {
                return Err(format!("`{}` is no argument of the command", shortened(name)));
            };
            let Some(raw) = value.as_f64() else {
                return Err(format!("argument `{name}` is {}, not a number", kind_of(value)));
            };
            let (_, scale, offset) = &self.args[place];
            let si = raw * scale + offset;
            if !si.is_finite() {
                return Err(format!("argument `{name}` is too large"));
            }
            args[place] = si;
            given[place] = true;
        }
        if let Some(missing) = self.args.iter().zip(given).find(|(_, given)| !given) {
            return Err(format!("argument `{}` is missing", missing.0.0));
        }
        Command::new(self.command, &args[..self.args.len()]).ok_or_else(|| "too many arguments".into())
    }
}
