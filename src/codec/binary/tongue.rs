//! Declared layouts as the meaning of frames.

use super::layout::Layout;
use super::{BinaryConfig, FrameDef};
use crate::codec::framed::{Expect, FramedConfig, Framing, Given, Order, Raw, Side, Tongue, Trouble};
use crate::codec::{DeviceConfig, FieldValue, Protocol};

/// The frames of both sides.
pub struct Layouts {
    id: Option<usize>,
    order: Order,
    says: Vec<Frame>,
    hears: Vec<Frame>,
}

struct Frame {
    name: String,
    id: Option<u64>,
    layout: Layout,
}

/// A frame, understood: which it is, and its bytes behind the number.
pub struct Message {
    kind: usize,
    body: Vec<u8>,
    side: Side,
}

/// A field of a frame.
#[derive(Copy, Clone)]
pub struct Place {
    side: Side,
    kind: usize,
    field: usize,
}

impl Layouts {
    fn frames(&self, side: Side) -> &[Frame] {
        match side {
            Side::Says => &self.says,
            Side::Hears => &self.hears,
        }
    }
    fn of_config(config: &BinaryConfig) -> Result<Layouts, Vec<Trouble>> {
        let mut troubles = Vec::new();
        let says = frames(config, &config.says, &mut troubles);
        let hears = frames(config, &config.hears, &mut troubles);
        if !troubles.is_empty() {
            return Err(troubles);
        }
        Ok(Layouts { id: config.id, order: config.order, says, hears })
    }
    fn id_size(&self) -> usize {
        self.id.unwrap_or(0)
    }
}

fn frames(config: &BinaryConfig, defs: &[FrameDef], troubles: &mut Vec<Trouble>) -> Vec<Frame> {
    let mut made: Vec<Frame> = Vec::new();
    for def in defs {
        let name = &def.name;
        match (config.id, def.id) {
            (Some(bytes), Some(id)) if bytes < 8 && id >> (8 * bytes) != 0 => {
                troubles.push(Trouble::new(format!("`id` {id} of frame `{name}` does not fit {bytes} byte(s)")));
            }
            (Some(_), None) => troubles.push(Trouble {
                message: format!("frame `{name}` has no `id`, and the others are told by theirs"),
                remedy: Some(format!("write `{name}: {{ id: 1, fields: … }}`")),
            }),
            (None, Some(_)) => troubles.push(Trouble {
                message: format!("frame `{name}` has an `id`, and nothing says how wide it is"),
                remedy: Some("add `id: u8` beside `binary`".into()),
            }),
            _ => {}
        }
        match Layout::new(&def.fields, config.order) {
            Ok(layout) => {
                let fixed = matches!(config.framed.wire.framing, Framing::Fixed { .. });
                if let Some(other) = made.iter().find(|o| fixed && o.id == def.id && o.layout.size() != layout.size()) {
                    let message = format!("frames `{name}` and `{}` begin alike and have different sizes", other.name);
                    let remedy = "a frame without a length has it from its `id`";
                    troubles.push(Trouble { message, remedy: Some(remedy.into()) });
                }
                if let Some(twin) = made.iter().find(|o| o.id == def.id && !o.layout.excludes(&layout)) {
                    let message = format!("nothing tells frame `{name}` from `{}`", twin.name);
                    let remedy = "give each its `id`, or a field that is always the same: `kind: u8 = 2`";
                    troubles.push(Trouble { message, remedy: Some(remedy.into()) });
                }
                made.push(Frame { name: name.clone(), id: def.id, layout });
            }
            Err((place, why)) => {
                let field = def.fields.get(place).map_or("", |(name, _)| name.as_str());
                troubles.push(Trouble::new(format!("field `{field}` of frame `{name}` {why}")));
            }
        }
    }
    made
}

impl Tongue for Layouts {
    type Message = Message;
    type Place = Place;

    fn of(device: &DeviceConfig) -> Option<Result<(Layouts, &FramedConfig), Vec<Trouble>>> {
        let Protocol::Binary(config) = &device.protocol else { return None };
        Some(Layouts::of_config(config).map(|layouts| (layouts, &config.framed)))
    }

    fn kinds(&self, side: Side) -> Vec<&str> {
        self.frames(side).iter().map(|frame| frame.name.as_str()).collect()
    }

    fn place(&self, side: Side, kind: usize, path: &str) -> Result<Place, Trouble> {
        let frame = &self.frames(side)[kind];
        let fields = frame.layout.fields();
        match fields.iter().position(|field| field.name == path) {
            Some(field) => Ok(Place { side, kind, field }),
            None => {
                let message = format!("frame `{}` has no field `{path}`", frame.name);
                Err(Trouble::unknown(message, path, fields.iter().map(|field| field.name.as_str())))
            }
        }
    }

    fn admits(&self, place: &Place, value: &FieldValue) -> Result<(), Trouble> {
        let frame = &self.frames(place.side)[place.kind];
        let field = &frame.layout.fields()[place.field];
        if field.is_fixed() {
            let message = format!("`{}` of frame `{}` is always the same", field.name, frame.name);
            return Err(Trouble { message, remedy: Some("leave it out".into()) });
        }
        match value {
            FieldValue::Number(number) => field.write(*number, &mut frame.layout.blank()).map_err(Trouble::new),
            FieldValue::Text(text) => Err(Trouble::new(format!("`{text}` is no number"))),
            FieldValue::Arg { .. } => Ok(()),
        }
    }

    fn read(&self, side: Side, content: &[u8]) -> Option<Message> {
        let (id, body) = content.split_at_checked(self.id_size())?;
        let id = self.id.map(|_| self.order.read(id));
        let kind = self.frames(side).iter().position(|frame| frame.id == id && frame.layout.fits(body))?;
        Some(Message { kind, body: body.to_vec(), side })
    }

    fn is(&self, side: Side, message: &Message, kind: usize) -> bool {
        (message.side, message.kind) == (side, kind)
    }

    fn get(&self, message: &Message, place: &Place) -> Option<Raw> {
        if (message.side, message.kind) != (place.side, place.kind) {
            return None;
        }
        self.frames(place.side)[place.kind].layout.fields()[place.field].read(&message.body)
    }

    fn words(&self, side: Side, message: &Message) -> String {
        let frame = &self.frames(side)[message.kind];
        let fields = frame.layout.fields().iter().filter(|field| !field.is_fixed());
        let said = fields.filter_map(|f| Some(format!(" {} {}", f.name, f.read(&message.body)?.shown())));
        format!("{}{}", frame.name, said.collect::<Vec<_>>().join(","))
    }

    fn write(&self, side: Side, kind: usize, fields: &[(Place, Given<'_>)]) -> Result<Vec<u8>, String> {
        let frame = &self.frames(side)[kind];
        let mut body = frame.layout.blank();
        for (place, given) in fields {
            match given {
                Given::Number(number) => frame.layout.fields()[place.field].write(*number, &mut body)?,
                Given::Text(text) => return Err(format!("`{text}` is no number")),
            }
        }
        let mut content = vec![0; self.id_size()];
        self.order.write(frame.id.unwrap_or(0), &mut content);
        content.extend_from_slice(&body);
        Ok(content)
    }

    fn expect(&self, side: Side, start: &[u8]) -> Expect {
        if start.len() < self.id_size() {
            return Expect::More;
        }
        let id = self.id.map(|bytes| self.order.read(&start[..bytes]));
        match self.frames(side).iter().find(|frame| frame.id == id) {
            Some(frame) => Expect::Known(self.id_size() + frame.layout.size()),
            None => Expect::Never,
        }
    }

    fn longest(&self, side: Side) -> Option<usize> {
        self.frames(side).iter().map(|frame| self.id_size() + frame.layout.size()).max()
    }
}
