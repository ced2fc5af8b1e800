//! A `.proto` with what it imports, and its compilation.

use prost_reflect::{DescriptorPool, MessageDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

/// The texts of a `.proto` and its imports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProtoSource {
    /// The name that imports know the file by, and its text. The first is the rig's; imports are looked for beside it.
    pub files: Vec<(String, String)>,
}

/// What is wrong with a `.proto`, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// Its name in [`ProtoSource::files`]; empty: it is about none of them.
    pub file: String,
    /// Line and column, from 1, where they are known.
    pub place: Option<(usize, usize)>,
    /// A fragment in lower case.
    pub message: String,
}

struct Texts(Vec<(String, String)>);

impl FileResolver for Texts {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.iter().find(|(known, _)| known == name) {
            Some((_, text)) => File::from_source(name, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

impl ProtoSource {
    /// Takes a `.proto`, and from `read` all that it imports; files of `google/protobuf/` are built in. What cannot be had
    /// is told when it is compiled.
    pub fn collect(name: &str, text: String, mut read: impl FnMut(&str) -> Option<String>) -> ProtoSource {
        let mut files = vec![(name.to_owned(), text)];
        let mut next = 0;
        while let Some((name, text)) = files.get(next) {
            next += 1;
            let imports = File::from_source(name, text)
                .map(|file| file.file_descriptor_proto().dependency.clone())
                .unwrap_or_default();
            for import in imports {
                if !files.iter().any(|(known, _)| *known == import)
                    && let Some(text) = read(&import)
                {
                    files.push((import, text));
                }
            }
        }
        ProtoSource { files }
    }

    /// Compiles it.
    pub fn compile(&self) -> Result<DescriptorPool, Mistake> {
        let mut resolver = ChainFileResolver::new();
        resolver.add(Texts(self.files.clone()));
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_imports(true).include_source_info(true);
        let Some((name, _)) = self.files.first() else {
            return Err(Mistake { file: String::new(), place: None, message: "there is no file".into() });
        };
        match compiler.open_file(name) {
            Ok(compiled) => Ok(compiled.descriptor_pool()),
            Err(error) => Err(mistake(&error)),
        }
    }

    /// The names of the file's own messages, with their package.
    pub fn messages(&self, pool: &DescriptorPool) -> Vec<String> {
        let own = self.files.first().map(|(name, _)| name.as_str());
        let all = pool.all_messages().filter(|m| !m.is_map_entry() && Some(m.parent_file().name()) == own);
        all.map(|message| message.full_name().to_owned()).collect()
    }
}

/// The message of that name, with or without its package; a name without one that several have is none.
pub(super) fn find(pool: &DescriptorPool, name: &str) -> Option<MessageDescriptor> {
    if let Some(found) = pool.get_message_by_name(name) {
        return Some(found);
    }
    let mut found = pool.all_messages().filter(|message| message.name() == name);
    found.next().filter(|_| found.next().is_none())
}

/// The compiler tells the place in the debug form of its error alone: `arm.proto:3:5: expected …`.
fn mistake(error: &protox::Error) -> Mistake {
    let file = error.file().unwrap_or_default().to_owned();
    let message = error.to_string();
    let told = format!("{error:?}");
    let place = told.strip_prefix(&format!("{file}:")).and_then(|rest| {
        let mut numbers = rest.splitn(3, ':');
        Some((numbers.next()?.trim().parse().ok()?, numbers.next()?.trim().parse().ok()?))
    });
    Mistake { file, place, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(text: &str) -> Result<DescriptorPool, Mistake> {
        let more =
            |name: &str| (name == "more.proto").then(|| "syntax = \"proto3\"; message More { bool on = 1; }".into());
        ProtoSource::collect("a.proto", text.into(), more).compile()
    }

    #[test]
    fn imports_are_found_and_mistakes_have_a_place() {
        let good = "syntax = \"proto3\"; package p; import \"more.proto\"; import \"google/protobuf/empty.proto\";\n\
            message A { More more = 1; message In { int32 x = 1; } In in = 2; google.protobuf.Empty e = 3; }";
        let pool = compile(good).unwrap_or_else(|mistake| panic!("{mistake:?}"));
        for name in ["p.A", "A", "More", "In", "p.A.In"] {
            assert!(find(&pool, name).is_some(), "{name}");
        }
        assert!(find(&pool, "B").is_none());
        let source = ProtoSource::collect("a.proto", good.into(), |_| Some("message More {}".into()));
        assert_eq!(source.messages(&pool), ["p.A", "p.A.In"]);
        for (text, place, message) in [
            ("syntax = \"proto3\";\nmessage A {\n  int32 x 1;\n}", Some((3, 11)), "expected"),
            ("syntax = \"proto3\";\nmessage A {\n  Nothing x = 1;\n}", Some((3, 3)), "Nothing"),
            ("syntax = \"proto3\";\nimport \"less.proto\";", Some((2, 1)), "import 'less.proto' not found"),
            ("syntax = \"proto3\";\nmessage A {", None, "end of file"),
            ("syntax = \"proto3\";\nmessage A { int32 x = 1; bool x = 2; }", Some((2, 31)), "x"),
        ] {
            let mistake = compile(text).expect_err(text);
            assert_eq!((mistake.file.as_str(), mistake.place), ("a.proto", place), "{mistake:?}");
            assert!(mistake.message.contains(message), "{mistake:?}");
        }
    }
}
