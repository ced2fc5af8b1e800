//! Frames as they stand on the line: address, function, data, check sum.

/// Most registers that one request may read (Application Protocol 1.1b3, 6.3).
pub const READ_REGISTERS_MAX: u16 = 125;
/// Most coils or discrete inputs that one request may read (6.1).
pub const READ_BITS_MAX: u16 = 2000;
/// Most registers that one request may write (6.12).
pub const WRITE_REGISTERS_MAX: usize = 123;
/// Most coils that one request may write (6.11).
pub const WRITE_BITS_MAX: usize = 1968;
/// Longest frame, in bytes (Serial Line 1.02, 2.3).
pub const FRAME_MAX: usize = 256;
/// Set in the function of an answer that is an exception.
pub const EXCEPTION: u8 = 0x80;

/// The check sum: CRC-16 with the polynomial 0xA001, from 0xFFFF; its low byte goes first (Serial Line 1.02, 6.2.2).
pub fn crc(bytes: &[u8]) -> [u8; 2] {
    let mut crc = 0xFFFF_u16;
    for byte in bytes {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 };
        }
    }
    crc.to_le_bytes()
}

/// Whether a frame of at least four bytes ends with its check sum.
pub fn sound(frame: &[u8]) -> bool {
    frame.len() >= 4 && crc(&frame[..frame.len() - 2]) == frame[frame.len() - 2..]
}

/// A frame for this unit: the data of a request or answer from its function on, with the check sum.
pub fn frame(unit: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(data.len() + 3);
    bytes.push(unit);
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(&crc(&bytes));
    bytes
}

/// What is asked of a device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// Function 1 to 4: read so many coils (1), discrete inputs (2), holding (3) or input registers (4).
    Read { function: u8, address: u16, count: u16 },
    /// Function 5.
    WriteCoil { address: u16, on: bool },
    /// Function 6.
    WriteRegister { address: u16, value: u16 },
    /// Function 15.
    WriteCoils { address: u16, values: Vec<bool> },
    /// Function 16.
    WriteRegisters { address: u16, values: Vec<u16> },
}

impl Request {
    /// Its number.
    pub fn function(&self) -> u8 {
        match self {
            Request::Read { function, .. } => *function,
            Request::WriteCoil { .. } => 5,
            Request::WriteRegister { .. } => 6,
            Request::WriteCoils { .. } => 15,
            Request::WriteRegisters { .. } => 16,
        }
    }
    /// The first address that it is about.
    pub fn address(&self) -> u16 {
        match self {
            Request::Read { address, .. }
            | Request::WriteCoil { address, .. }
            | Request::WriteRegister { address, .. }
            | Request::WriteCoils { address, .. }
            | Request::WriteRegisters { address, .. } => *address,
        }
    }
    /// Function and data, as they stand between address and check sum.
    pub fn data(&self) -> Vec<u8> {
        let mut out = vec![self.function()];
        out.extend_from_slice(&self.address().to_be_bytes());
        match self {
            Request::Read { count, .. } => out.extend_from_slice(&count.to_be_bytes()),
            Request::WriteCoil { on, .. } => out.extend_from_slice(&[if *on { 0xFF } else { 0 }, 0]),
            Request::WriteRegister { value, .. } => out.extend_from_slice(&value.to_be_bytes()),
            Request::WriteCoils { values, .. } => {
                out.extend_from_slice(&(values.len() as u16).to_be_bytes());
                let packed = pack(values);
                out.push(packed.len() as u8);
                out.extend_from_slice(&packed);
            }
            Request::WriteRegisters { values, .. } => {
                out.extend_from_slice(&(values.len() as u16).to_be_bytes());
                out.push((values.len() * 2) as u8);
                values.iter().for_each(|value| out.extend_from_slice(&value.to_be_bytes()));
            }
        }
        out
    }
    /// Length of the answer's frame, where it is no exception.
    pub fn answer_length(&self) -> usize {
        match self {
            Request::Read { function: 1 | 2, count, .. } => 5 + usize::from(*count).div_ceil(8),
            Request::Read { count, .. } => 5 + 2 * usize::from(*count),
            _ => 8,
        }
    }
    /// Whether an answer that begins so may be one to this request: its length byte, or the echo of what was asked.
    pub fn answered_by(&self, data: &[u8]) -> bool {
        match self {
            Request::Read { .. } => data.get(1).is_none_or(|length| usize::from(*length) + 5 == self.answer_length()),
            _ => {
                let asked = self.data();
                data.iter().zip(&asked).take(5).all(|(found, wanted)| found == wanted)
            }
        }
    }
}

/// Flags as bytes, the first in the lowest bit.
pub fn pack(values: &[bool]) -> Vec<u8> {
    let byte = |eight: &[bool]| eight.iter().enumerate().fold(0, |byte, (bit, on)| byte | u8::from(*on) << bit);
    values.chunks(8).map(byte).collect()
}

/// The name of an exception (Application Protocol 1.1b3, 7).
pub fn exception_name(code: u8) -> &'static str {
    match code {
        1 => "illegal function",
        2 => "illegal data address",
        3 => "illegal data value",
        4 => "server device failure",
        5 => "acknowledge",
        6 => "server device busy",
        8 => "memory parity error",
        10 => "gateway path unavailable",
        11 => "gateway target device failed to respond",
        _ => "an exception without a name",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stand_as_a_slave_of_others_making_took_them() {
        let read = Request::Read { function: 3, address: 0, count: 4 };
        assert_eq!(frame(1, &read.data()), [1, 3, 0, 0, 0, 4, 0x44, 0x09]);
        assert!(sound(&[1, 3, 8, 0, 0x64, 0, 0x65, 0, 0x66, 0, 0x67, 0x5d, 0xec]));
        assert_eq!(read.answer_length(), 13);
        assert!(sound(&[9, 0x83, 4, 0xc1, 0x31]));
        assert!(!sound(&[9, 0x83, 4, 0xc1, 0x30]) && !sound(&[9]));
    }

    #[test]
    fn writes_stand_as_in_the_examples_of_the_specification() {
        // Application Protocol 1.1b3: 6.5, 6.6, 6.11, 6.12.
        let data = |request: Request| request.data();
        assert_eq!(data(Request::WriteCoil { address: 172, on: true }), [5, 0, 0xAC, 0xFF, 0]);
        assert_eq!(data(Request::WriteRegister { address: 1, value: 3 }), [6, 0, 1, 0, 3]);
        let coils = [true, false, true, true, false, false, true, true, true, false].to_vec();
        assert_eq!(data(Request::WriteCoils { address: 19, values: coils }), [15, 0, 0x13, 0, 10, 2, 0xCD, 1]);
        let registers = Request::WriteRegisters { address: 1, values: vec![10, 0x102] };
        assert_eq!(data(registers), [16, 0, 1, 0, 2, 4, 0, 10, 1, 2]);
    }
}
