//! Check sums by name: two short ones of serial text, and the common members of the catalogue of CRC algorithms.

use crc::{Algorithm, Crc, Table};
use std::fmt;
use std::sync::Arc;

/// A check sum, ready to use.
#[derive(Clone)]
pub enum Checksum {
    /// Exclusive or of all bytes.
    Xor,
    /// Sum of all bytes, modulo 256.
    Sum8,
    Crc8(Arc<Crc<u8, Table<1>>>),
    Crc16(Arc<Crc<u16, Table<1>>>),
    Crc32(Arc<Crc<u32, Table<1>>>),
}

/// Names as in the catalogue of parametrised CRC algorithms (reveng.sourceforge.io), with the algorithm of crate `crc`.
const CRC8: &[(&str, &Algorithm<u8>)] = &[
    ("CRC-8/SMBUS", &crc::CRC_8_SMBUS),
    ("CRC-8/MAXIM-DOW", &crc::CRC_8_MAXIM_DOW),
    ("CRC-8/DVB-S2", &crc::CRC_8_DVB_S2),
    ("CRC-8/NRSC-5", &crc::CRC_8_NRSC_5),
];
const CRC16: &[(&str, &Algorithm<u16>)] = &[
    ("CRC-16/ARC", &crc::CRC_16_ARC),
    ("CRC-16/MODBUS", &crc::CRC_16_MODBUS),
    ("CRC-16/IBM-3740", &crc::CRC_16_IBM_3740),
    ("CRC-16/IBM-SDLC", &crc::CRC_16_IBM_SDLC),
    ("CRC-16/KERMIT", &crc::CRC_16_KERMIT),
    ("CRC-16/MCRF4XX", &crc::CRC_16_MCRF4XX),
    ("CRC-16/XMODEM", &crc::CRC_16_XMODEM),
];
const CRC32: &[(&str, &Algorithm<u32>)] = &[
    ("CRC-32/ISO-HDLC", &crc::CRC_32_ISO_HDLC),
    ("CRC-32/ISCSI", &crc::CRC_32_ISCSI),
    ("CRC-32/MPEG-2", &crc::CRC_32_MPEG_2),
    ("CRC-32/BZIP2", &crc::CRC_32_BZIP2),
];

impl Checksum {
    /// The check sum of that name; `None` where there is none.
    pub fn find(name: &str) -> Option<Checksum> {
        match name {
            "xor" => return Some(Checksum::Xor),
            "sum8" => return Some(Checksum::Sum8),
            _ => {}
        }
        if let Some((_, algorithm)) = CRC8.iter().find(|(n, _)| *n == name) {
            return Some(Checksum::Crc8(Arc::new(Crc::<u8, Table<1>>::new(algorithm))));
        }
        if let Some((_, algorithm)) = CRC16.iter().find(|(n, _)| *n == name) {
            return Some(Checksum::Crc16(Arc::new(Crc::<u16, Table<1>>::new(algorithm))));
        }
        let (_, algorithm) = CRC32.iter().find(|(n, _)| *n == name)?;
        Some(Checksum::Crc32(Arc::new(Crc::<u32, Table<1>>::new(algorithm))))
    }

    /// All names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let crcs =
            CRC8.iter().map(|(n, _)| *n).chain(CRC16.iter().map(|(n, _)| *n)).chain(CRC32.iter().map(|(n, _)| *n));
        ["xor", "sum8"].into_iter().chain(crcs)
    }

    /// Its width in bytes.
    pub fn size(&self) -> usize {
        match self {
            Checksum::Xor | Checksum::Sum8 | Checksum::Crc8(_) => 1,
            Checksum::Crc16(_) => 2,
            Checksum::Crc32(_) => 4,
        }
    }

    /// The sum of these bytes.
    pub fn of(&self, bytes: &[u8]) -> u32 {
        match self {
            Checksum::Xor => bytes.iter().fold(0u8, |sum, b| sum ^ b).into(),
            Checksum::Sum8 => bytes.iter().fold(0u8, |sum, b| sum.wrapping_add(*b)).into(),
            Checksum::Crc8(crc) => crc.checksum(bytes).into(),
            Checksum::Crc16(crc) => crc.checksum(bytes).into(),
            Checksum::Crc32(crc) => crc.checksum(bytes),
        }
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "check sum of {} bytes", self.size())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_gives_the_check_value_of_the_catalogue() {
        // The catalogue's "check": the sum of the nine letters 123456789.
        for (name, wanted) in [
            ("CRC-8/SMBUS", 0xf4),
            ("CRC-8/MAXIM-DOW", 0xa1),
            ("CRC-8/DVB-S2", 0xbc),
            ("CRC-8/NRSC-5", 0xf7),
            ("CRC-16/ARC", 0xbb3d),
            ("CRC-16/MODBUS", 0x4b37),
            ("CRC-16/IBM-3740", 0x29b1),
            ("CRC-16/IBM-SDLC", 0x906e),
            ("CRC-16/KERMIT", 0x2189),
            ("CRC-16/MCRF4XX", 0x6f91),
            ("CRC-16/XMODEM", 0x31c3),
            ("CRC-32/ISO-HDLC", 0xcbf4_3926),
            ("CRC-32/ISCSI", 0xe306_9283),
            ("CRC-32/MPEG-2", 0x0376_e6e7),
            ("CRC-32/BZIP2", 0xfc89_1918),
            ("xor", 0x31),
            ("sum8", 0xdd),
        ] {
            let sum = Checksum::find(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(sum.of(b"123456789"), wanted, "{name}");
        }
        assert_eq!(Checksum::names().count(), 17);
        assert!(Checksum::names().all(|name| Checksum::find(name).is_some()));
        assert!(Checksum::find("CRC-16").is_none());
    }
}
