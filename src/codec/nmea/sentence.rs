//! Sentences out of bytes, and the fields that are known by name.
//!
//! Names and places of the fields are those of NMEA 0183 as receivers' manuals print them (u-blox 8 protocol specification,
//! UBX-13003221, and gpsd's page on NMEA sentences).

/// More characters than the 82 of the standard are sent by receivers of several systems; nobody sends more than this.
const LENGTH_MAX: usize = 256;

/// How a field is read.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A decimal number.
    Number,
    /// `ddmm.mmmm` and, in the next field, N or S (E or W): degrees, south and west negative.
    Degrees,
    /// `hhmmss.ss`: seconds since midnight, UTC.
    Clock,
    /// `A` is 1, `V` is 0.
    Valid,
}

/// A field that can become a signal.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// The last three letters of the address: which talker says it is one.
    pub sentence: &'static str,
    pub name: &'static str,
    /// Behind so many commas.
    pub place: u8,
    pub kind: Kind,
}

const fn field(sentence: &'static str, name: &'static str, place: u8, kind: Kind) -> Field {
    Field { sentence, name, place, kind }
}

/// Every field that is known.
pub static FIELDS: &[Field] = &[
    field("GGA", "time", 1, Kind::Clock),
    field("GGA", "latitude", 2, Kind::Degrees),
    field("GGA", "longitude", 4, Kind::Degrees),
    field("GGA", "quality", 6, Kind::Number),
    field("GGA", "satellites", 7, Kind::Number),
    field("GGA", "hdop", 8, Kind::Number),
    field("GGA", "altitude", 9, Kind::Number),
    field("GGA", "geoid", 11, Kind::Number),
    field("RMC", "time", 1, Kind::Clock),
    field("RMC", "valid", 2, Kind::Valid),
    field("RMC", "latitude", 3, Kind::Degrees),
    field("RMC", "longitude", 5, Kind::Degrees),
    field("RMC", "knots", 7, Kind::Number),
    field("RMC", "course", 8, Kind::Number),
    field("RMC", "date", 9, Kind::Number),
    field("GLL", "latitude", 1, Kind::Degrees),
    field("GLL", "longitude", 3, Kind::Degrees),
    field("GLL", "time", 5, Kind::Clock),
    field("GLL", "valid", 6, Kind::Valid),
    field("VTG", "course", 1, Kind::Number),
    field("VTG", "knots", 5, Kind::Number),
    field("VTG", "kilometres_per_hour", 7, Kind::Number),
    field("GSA", "fix", 2, Kind::Number),
    field("GSA", "pdop", 15, Kind::Number),
    field("GSA", "hdop", 16, Kind::Number),
    field("GSA", "vdop", 17, Kind::Number),
    field("GSV", "in_view", 3, Kind::Number),
    field("ZDA", "time", 1, Kind::Clock),
    field("ZDA", "day", 2, Kind::Number),
    field("ZDA", "month", 3, Kind::Number),
    field("ZDA", "year", 4, Kind::Number),
    field("HDT", "heading", 1, Kind::Number),
];

impl Field {
    /// The field of that name: `GGA.altitude`.
    pub fn find(name: &str) -> Option<&'static Field> {
        let (sentence, name) = name.split_once('.')?;
        FIELDS.iter().find(|field| field.sentence == sentence && field.name == name)
    }
    /// Its value in a sentence; `None` where it is empty, missing or not of its kind.
    pub fn read(&self, sentence: &Sentence<'_>) -> Option<f64> {
        let text = sentence.field(self.place)?;
        match self.kind {
            Kind::Number => decimal(text),
            Kind::Valid => match text {
                "A" => Some(1.0),
                "V" => Some(0.0),
                _ => None,
            },
            Kind::Clock => {
                let (hours, minutes, seconds) = (text.get(..2)?, text.get(2..4)?, text.get(4..)?);
                let (hours, minutes) = (decimal(hours)?, decimal(minutes)?);
                let seconds = decimal(seconds)?;
                // A leap second is a second.
                let good = hours < 24.0 && minutes < 60.0 && seconds < 61.0;
                good.then_some(hours * 3600.0 + minutes * 60.0 + seconds)
            }
            Kind::Degrees => {
                let whole = text.find('.').unwrap_or(text.len()).checked_sub(2)?;
                let (degrees, minutes) = (decimal(text.get(..whole)?)?, decimal(text.get(whole..)?)?);
                let (sign, most) = match sentence.field(self.place + 1)? {
                    "N" => (1.0, 90.0),
                    "S" => (-1.0, 90.0),
                    "E" => (1.0, 180.0),
                    "W" => (-1.0, 180.0),
                    _ => return None,
                };
                let degrees = degrees + minutes / 60.0;
                (minutes < 60.0 && degrees <= most).then_some(sign * degrees)
            }
        }
    }
}

/// Digits, at most one point, perhaps a sign: no exponent, no `inf`.
fn decimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { text.parse().ok() } else { None }
}

/// One sentence whose check sum is right.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Sentence<'b> {
    /// Everything between `$` and `*`.
    text: &'b str,
}

impl<'b> Sentence<'b> {
    /// The address: `GPGGA`.
    pub fn address(&self) -> &'b str {
        self.text.split(',').next().unwrap_or("")
    }
    /// Its last three letters, which say what it is; proprietary sentences (`P…`) are nobody's.
    pub fn kind(&self) -> &'b str {
        let address = self.address();
        if address.len() == 5 && !address.starts_with('P') { address.get(2..).unwrap_or("") } else { "" }
    }
    /// The field behind so many commas; `None` where it is not there or empty.
    pub fn field(&self, place: u8) -> Option<&'b str> {
        self.text.split(',').nth(usize::from(place)).filter(|text| !text.is_empty())
    }
}

/// Exclusive or over everything between `$` and `*`.
pub fn check_sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

/// What came out of the bytes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Found<'b> {
    Sentence(Sentence<'b>),
    /// So many bytes that belong to no sentence.
    Noise(u32),
    /// A sentence whose check sum is wrong or missing.
    Corrupt(u32),
}

/// Cuts bytes into sentences; how they come in chunks makes no difference.
#[derive(Clone, Debug, Default)]
pub struct Framer {
    /// From `$` on.
    line: Vec<u8>,
    noise: u32,
}

impl Framer {
    /// Takes bytes; `hear` is told what was found, in order.
    pub fn feed(&mut self, bytes: &[u8], mut hear: impl FnMut(Found<'_>)) {
        for byte in bytes {
            self.take(*byte, &mut hear);
        }
    }

    fn take(&mut self, byte: u8, hear: &mut impl FnMut(Found<'_>)) {
        if byte == b'$' {
            // What began before and did not end is noise, and so is what stood between.
            self.noise += self.line.len() as u32;
            self.tell_noise(hear);
            self.line.clear();
            self.line.push(byte);
        } else if self.line.is_empty() {
            if !matches!(byte, b'\r' | b'\n') {
                self.noise += 1;
            }
            if byte == b'\n' || self.noise as usize >= LENGTH_MAX {
                self.tell_noise(hear);
            }
        } else if matches!(byte, b'\r' | b'\n') {
            hear(whole(&self.line));
            self.line.clear();
        } else {
            self.line.push(byte);
            if self.line.len() > LENGTH_MAX {
                self.noise += self.line.len() as u32;
                self.line.clear();
                self.tell_noise(hear);
            }
        }
    }

    fn tell_noise(&mut self, hear: &mut impl FnMut(Found<'_>)) {
        if self.noise > 0 {
            hear(Found::Noise(self.noise));
            self.noise = 0;
        }
    }
}

/// A line that began with `$`.
fn whole(line: &[u8]) -> Found<'_> {
    let corrupt = Found::Corrupt(line.len() as u32);
    let Some(star) = line.len().checked_sub(3).filter(|star| line[*star] == b'*') else { return corrupt };
    let told = std::str::from_utf8(&line[star + 1..]).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
    let body = &line[1..star];
    match std::str::from_utf8(body) {
        Ok(text) if told == Some(check_sum(body)) => Found::Sentence(Sentence { text }),
        _ => corrupt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, field: &str) -> Option<f64> {
        let mut value = None;
        Framer::default().feed(format!("{line}\r\n").as_bytes(), |found| {
            let Found::Sentence(sentence) = found else { panic!("{line}: {found:?}") };
            let field = Field::find(field).expect("it is in the table");
            assert_eq!(field.sentence, sentence.kind());
            value = field.read(&sentence);
        });
        value
    }

    #[test]
    fn degrees_clocks_and_numbers_are_read_as_the_standard_writes_them() {
        let gga = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47";
        let close = |field: &str, wanted: f64| {
            let found = read(gga, field).expect("it is there");
            assert!((found - wanted).abs() < 1e-9, "{field}: {found}");
        };
        close("GGA.latitude", 48.0 + 7.038 / 60.0);
        close("GGA.longitude", 11.0 + 31.0 / 60.0);
        close("GGA.time", 12.0 * 3600.0 + 35.0 * 60.0 + 19.0);
        close("GGA.altitude", 545.4);
        close("GGA.satellites", 8.0);
        let rmc = "$GNRMC,001225.00,V,3356.4,S,07030.06,W,0.004,,091219,,,N*4E";
        assert_eq!(read(rmc, "RMC.valid"), Some(0.0));
        assert_eq!(read(rmc, "RMC.course"), None, "an empty field is no zero");
        assert_eq!(read(rmc, "RMC.latitude"), Some(-(33.0 + 56.4 / 60.0)));
        assert!(read(rmc, "RMC.longitude").is_some_and(|west| west < -70.0));
    }

    #[test]
    fn what_is_no_place_no_time_and_no_number_is_not_read() {
        let with = |body: &str| format!("${body}*{:02X}", check_sum(body.as_bytes()));
        for (body, field) in [
            ("GPGGA,250000,,,,,,,,,,,,,", "GGA.time"),
            ("GPGGA,126100,,,,,,,,,,,,,", "GGA.time"),
            ("GPGGA,,9130.0,N,,,,,,,,,,,", "GGA.latitude"),
            ("GPGGA,,4860.0,N,,,,,,,,,,,", "GGA.latitude"),
            ("GPGGA,,4830.0,X,,,,,,,,,,,", "GGA.latitude"),
            ("GPGGA,,5,N,,,,,,,,,,,", "GGA.latitude"),
            ("GPGGA,,,,,,,,1e3,,,,,,", "GGA.hdop"),
            ("GPGGA,,,,,,,,inf,,,,,,", "GGA.hdop"),
            ("GPGGA,\u{e4}\u{e4}\u{e4}", "GGA.time"),
            ("GPGGA", "GGA.altitude"),
        ] {
            assert_eq!(read(&with(body), field), None, "{body}");
        }
    }

    #[test]
    fn the_names_are_each_once() {
        for (place, field) in FIELDS.iter().enumerate() {
            let name = format!("{}.{}", field.sentence, field.name);
            assert!(std::ptr::eq(Field::find(&name).expect("it is there"), &FIELDS[place]), "{name} stands twice");
        }
    }
}
