//! Words, texts and marks of a DBC file, each with its line.

use super::DbcError;

/// One piece of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Word {
    Plain(String),
    Text(String),
    Mark(char),
}

/// The pieces in order.
pub(super) struct Words {
    list: Vec<(usize, Word)>,
    at: usize,
}

impl Words {
    /// Takes the text apart; only a text without an end is wrong here.
    pub(super) fn new(text: &str) -> Result<Words, DbcError> {
        let mut list = Vec::new();
        let mut line = 1;
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\n' => line += 1,
                _ if letter.is_whitespace() || letter == '\u{feff}' => {}
                '/' if letters.peek() == Some(&'/') => {
                    while letters.peek().is_some_and(|letter| *letter != '\n') {
                        letters.next();
                    }
                }
                '"' => {
                    let (begun, mut content) = (line, String::new());
                    loop {
                        match letters.next() {
                            Some('"') => break,
                            Some('\\') if matches!(letters.peek(), Some('"' | '\\')) => content.extend(letters.next()),
                            Some(letter) => {
                                line += usize::from(letter == '\n');
                                content.push(letter);
                            }
                            None => return Err(DbcError { line: begun, what: "this text has no end".into() }),
                        }
                    }
                    list.push((begun, Word::Text(content)));
                }
                ':' | ';' | '|' | '@' | '(' | ')' | '[' | ']' | ',' => list.push((line, Word::Mark(letter))),
                _ => {
                    let mut word = String::from(letter);
                    while let Some(next) = letters.peek().filter(|l| !l.is_whitespace() && !":;|@()[],\"".contains(**l))
                    {
                        word.push(*next);
                        letters.next();
                    }
                    list.push((line, Word::Plain(word)));
                }
            }
        }
        Ok(Words { list, at: 0 })
    }
    pub(super) fn peek(&self) -> Option<&Word> {
        self.list.get(self.at).map(|(_, word)| word)
    }
    /// True, and passed over, if the next piece is this word.
    pub(super) fn takes(&mut self, mark: char) -> bool {
        let is = self.peek() == Some(&Word::Mark(mark));
        self.at += usize::from(is);
        is
    }
    pub(super) fn next(&mut self) -> Option<Word> {
        let word = self.list.get(self.at)?.1.clone();
        self.at += 1;
        Some(word)
    }
    /// Something else stands before what `next` gave last.
    pub(super) fn wrong(&self, wanted: &str) -> DbcError {
        let place = self.at.saturating_sub(1).min(self.list.len().saturating_sub(1));
        let found = self.list.get(self.at.saturating_sub(1)).map(|(_, word)| match word {
            Word::Plain(word) => format!("`{word}`"),
            Word::Text(text) => format!("\"{text}\""),
            Word::Mark(mark) => format!("`{mark}`"),
        });
        let line = self.list.get(place).map_or(1, |(line, _)| *line);
        let found = found.filter(|_| self.at <= self.list.len()).unwrap_or_else(|| "the end of the file".into());
        DbcError { line, what: format!("{found} stands where {wanted} belongs") }
    }
    /// An error about the piece that `next` gave last.
    pub(super) fn error(&self, what: String) -> DbcError {
        let place = self.at.saturating_sub(1);
        DbcError { line: self.list.get(place).or(self.list.last()).map_or(1, |(line, _)| *line), what }
    }
    pub(super) fn mark(&mut self, mark: char) -> Result<(), DbcError> {
        match self.advance() {
            Some(Word::Mark(found)) if found == mark => Ok(()),
            _ => Err(self.wrong(&format!("`{mark}`"))),
        }
    }
    pub(super) fn plain(&mut self, what: &str) -> Result<String, DbcError> {
        match self.advance() {
            Some(Word::Plain(word)) => Ok(word),
            _ => Err(self.wrong(what)),
        }
    }
    pub(super) fn text(&mut self, what: &str) -> Result<String, DbcError> {
        match self.advance() {
            Some(Word::Text(text)) => Ok(text),
            _ => Err(self.wrong(what)),
        }
    }
    pub(super) fn number<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, DbcError> {
        let word = self.plain(what)?;
        word.parse().map_err(|_| self.wrong(what))
    }
    /// Passes over everything up to the next `;`.
    pub(super) fn skip_statement(&mut self) {
        while self.next().is_some_and(|word| word != Word::Mark(';')) {}
    }
    /// Like `next`, and counts the end of the file as a piece, so that `wrong` can name it.
    fn advance(&mut self) -> Option<Word> {
        let word = self.list.get(self.at).map(|(_, word)| word.clone());
        self.at += 1;
        word
    }
}
