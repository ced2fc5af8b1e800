//! Message and enum tables of a dialect.

/// Where a dialect comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DialectSource {
    Common,
    Ardupilotmega,
    /// XML texts by file name; the first is the dialect, the others its includes.
    Xml(Vec<(String, String)>),
}
