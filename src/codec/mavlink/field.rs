//! Numbers on the wire: the eleven types of MAVLink, little-endian.

/// The type of a field, or of each element of an array.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    U8,
    I8,
    Char,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl Kind {
    /// Reads the name that the XML gives it.
    pub(super) fn parse(name: &str) -> Option<Kind> {
        Some(match name {
            "uint8_t" => Kind::U8,
            "int8_t" => Kind::I8,
            "char" => Kind::Char,
            "uint16_t" => Kind::U16,
            "int16_t" => Kind::I16,
            "uint32_t" => Kind::U32,
            "int32_t" => Kind::I32,
            "uint64_t" => Kind::U64,
            "int64_t" => Kind::I64,
            "float" => Kind::F32,
            "double" => Kind::F64,
            _ => return None,
        })
    }

    /// The name that the XML gives it; part of a message's check sum seed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::U8 => "uint8_t",
            Kind::I8 => "int8_t",
            Kind::Char => "char",
            Kind::U16 => "uint16_t",
            Kind::I16 => "int16_t",
            Kind::U32 => "uint32_t",
            Kind::I32 => "int32_t",
            Kind::U64 => "uint64_t",
            Kind::I64 => "int64_t",
            Kind::F32 => "float",
            Kind::F64 => "double",
        }
    }

    /// Bytes on the wire.
    pub(super) fn size(self) -> usize {
        match self {
            Kind::U8 | Kind::I8 | Kind::Char => 1,
            Kind::U16 | Kind::I16 => 2,
            Kind::U32 | Kind::I32 | Kind::F32 => 4,
            Kind::U64 | Kind::I64 | Kind::F64 => 8,
        }
    }

    /// True for whole numbers.
    pub(super) fn is_integer(self) -> bool {
        !matches!(self, Kind::F32 | Kind::F64)
    }

    /// Smallest and largest whole number; `None` for floats.
    pub(super) fn limits(self) -> Option<(i128, i128)> {
        Some(match self {
            Kind::U8 | Kind::Char => (0, u8::MAX as i128),
            Kind::I8 => (i8::MIN as i128, i8::MAX as i128),
            Kind::U16 => (0, u16::MAX as i128),
            Kind::I16 => (i16::MIN as i128, i16::MAX as i128),
            Kind::U32 => (0, u32::MAX as i128),
            Kind::I32 => (i32::MIN as i128, i32::MAX as i128),
            Kind::U64 => (0, u64::MAX as i128),
            Kind::I64 => (i64::MIN as i128, i64::MAX as i128),
            Kind::F32 | Kind::F64 => return None,
        })
    }

    /// The number at `at`; 64-bit integers beyond 2^53 lose their last bits (see [`Kind::bits`]).
    /// The payload must be zero-padded so far that the field lies within it.
    #[inline]
    pub(super) fn number(self, payload: &[u8], at: usize) -> f64 {
        match self {
            Kind::U8 | Kind::Char => payload[at] as f64,
            Kind::I8 => payload[at] as i8 as f64,
            Kind::U16 => u16::from_le_bytes(take(payload, at)) as f64,
            Kind::I16 => i16::from_le_bytes(take(payload, at)) as f64,
            Kind::U32 => u32::from_le_bytes(take(payload, at)) as f64,
            Kind::I32 => i32::from_le_bytes(take(payload, at)) as f64,
            Kind::U64 => u64::from_le_bytes(take(payload, at)) as f64,
            Kind::I64 => i64::from_le_bytes(take(payload, at)) as f64,
            Kind::F32 => f32::from_le_bytes(take(payload, at)) as f64,
            Kind::F64 => f64::from_le_bytes(take(payload, at)),
        }
    }

    /// The whole number at `at`, sign-extended to 64 bits; for floats the number cut towards zero.
    #[inline]
    pub(super) fn bits(self, payload: &[u8], at: usize) -> i64 {
        match self {
            Kind::U8 | Kind::Char => payload[at] as i64,
            Kind::I8 => payload[at] as i8 as i64,
            Kind::U16 => u16::from_le_bytes(take(payload, at)) as i64,
            Kind::I16 => i16::from_le_bytes(take(payload, at)) as i64,
            Kind::U32 => u32::from_le_bytes(take(payload, at)) as i64,
            Kind::I32 => i32::from_le_bytes(take(payload, at)) as i64,
            Kind::U64 => u64::from_le_bytes(take(payload, at)) as i64,
            Kind::I64 => i64::from_le_bytes(take(payload, at)),
            Kind::F32 => f32::from_le_bytes(take(payload, at)) as i64,
            Kind::F64 => f64::from_le_bytes(take(payload, at)) as i64,
        }
    }

    /// Writes `value` at `at`. Whole numbers are rounded and saturate; NaN becomes 0.
    pub(super) fn write(self, payload: &mut [u8], at: usize, value: f64) {
        // Half away from zero, without the C library's round(): `as` cuts towards zero, saturates, and maps NaN to 0.
        let whole = if value >= 0.0 { value + 0.5 } else { value - 0.5 };
        // Beyond 2^52 a float has no fraction, and adding a half would round to its neighbour.
        let whole = if value.abs() < 4_503_599_627_370_496.0 { whole } else { value };
        match self {
            Kind::U8 | Kind::Char => payload[at] = whole as u8,
            Kind::I8 => payload[at] = whole as i8 as u8,
            Kind::U16 => put(payload, at, &(whole as u16).to_le_bytes()),
            Kind::I16 => put(payload, at, &(whole as i16).to_le_bytes()),
            Kind::U32 => put(payload, at, &(whole as u32).to_le_bytes()),
            Kind::I32 => put(payload, at, &(whole as i32).to_le_bytes()),
            Kind::U64 => put(payload, at, &(whole as u64).to_le_bytes()),
            Kind::I64 => put(payload, at, &(whole as i64).to_le_bytes()),
            Kind::F32 => put(payload, at, &(value as f32).to_le_bytes()),
            Kind::F64 => put(payload, at, &value.to_le_bytes()),
        }
    }
}

#[inline]
fn take<const N: usize>(payload: &[u8], at: usize) -> [u8; N] {
    payload[at..at + N].try_into().expect("the slice is N bytes long")
}

fn put(payload: &mut [u8], at: usize, bytes: &[u8]) {
    payload[at..at + bytes.len()].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_round_saturate_and_survive_the_way_there_and_back() {
        let mut payload = [0u8; 16];
        for (kind, given, read) in [
            (Kind::U8, 254.6, 255.0),
            (Kind::U8, 300.0, 255.0),
            (Kind::U8, -3.0, 0.0),
            (Kind::I8, -200.0, -128.0),
            (Kind::I16, -1.5, -2.0),
            (Kind::U32, 4_294_967_295.0, 4_294_967_295.0),
            (Kind::I32, f64::NAN, 0.0),
            (Kind::U64, 9_007_199_254_740_991.0, 9_007_199_254_740_991.0),
            (Kind::I64, -4_503_599_627_370_497.0, -4_503_599_627_370_497.0),
            (Kind::F64, 0.1, 0.1),
        ] {
            kind.write(&mut payload, 3, given);
            assert_eq!(kind.number(&payload, 3), read, "{kind:?} {given}");
        }
        Kind::U64.write(&mut payload, 1, 0x1234 as f64);
        assert_eq!(Kind::U64.bits(&payload, 1), 0x1234);
    }
}
