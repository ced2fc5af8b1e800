//! The tree of sources: follows `mod` from the crate roots, and knows which files nobody reaches.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Something that is not as it should be, at its place, with what to do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Breach {
    pub file: String,
    pub line: usize,
    pub what: String,
    pub remedy: &'static str,
}

impl std::fmt::Display for Breach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}\n    {}", self.file, self.line, self.what, self.remedy)
    }
}

/// One file of the crate.
pub struct Source {
    /// Relative to the root of the repository, with slashes.
    pub path: String,
    /// `["run", "event"]`; empty for `lib.rs`, `["main"]` for `main.rs`.
    pub module: Vec<String>,
    /// Compiled into tests alone.
    pub test: bool,
    pub text: String,
}

impl Source {
    /// A file that stands in no tree, for trying the checks.
    pub fn snippet(module: &[&str], text: &str) -> Source {
        let module: Vec<String> = module.iter().map(|name| (*name).to_string()).collect();
        Source { path: format!("src/{}.rs", module.join("/")), module, test: false, text: text.to_string() }
    }

    /// The top room it belongs to: `guard`, `lib`, `main`.
    pub fn room(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file that the crate's roots under `src` reach.
pub fn reachable(src: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    for (file, module) in [("lib.rs", vec![]), ("main.rs", vec!["main".to_string()])] {
        let path = src.join(file);
        if path.is_file() {
            visit(&path, module, false, &mut found);
        }
    }
    found
}

fn visit(path: &Path, module: Vec<String>, test: bool, found: &mut Vec<Source>) {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let tree = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let parent = path.parent().expect("a file has a folder");
    let children = if matches!(stem, "lib" | "main" | "mod") { parent.to_path_buf() } else { parent.join(stem) };
    found.push(Source { path: relative(path), module: module.clone(), test, text });
    // Modules of the binary's root are its own, not children of a room called `main`; the room stays `main` all the same.
    follow(&tree.items, &children, parent, &module, test, found);
}

fn follow(items: &[syn::Item], folder: &Path, beside: &Path, module: &[String], test: bool, found: &mut Vec<Source>) {
    for item in items {
        let syn::Item::Mod(item) = item else { continue };
        let name = plain(&item.ident.to_string());
        let test = test || item.attrs.iter().any(is_cfg_test);
        let inner = [module, std::slice::from_ref(&name)].concat();
        if let Some((_, items)) = &item.content {
            follow(items, &folder.join(&name), beside, &inner, test, found);
            continue;
        }
        let candidates = match item.attrs.iter().find_map(path_attribute) {
            Some(given) => vec![beside.join(given)],
            None => vec![folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")],
        };
        if let Some(path) = candidates.into_iter().find(|path| path.is_file()) {
            visit(&path, inner, test, found);
        }
    }
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|word| word == "test")
}

fn path_attribute(attribute: &syn::Attribute) -> Option<String> {
    match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// `r#virtual` as people say it.
pub fn plain(name: &str) -> String {
    name.strip_prefix("r#").unwrap_or(name).to_string()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// Files under `folder` with one of these endings, in order. Hidden folders, builds and runs are left out,
/// except for the folder of checks that run on every change.
pub fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                let hidden = name.starts_with('.') && name != ".ci";
                if !hidden && !matches!(name, "target" | "runs" | "node_modules" | "__pycache__") {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.insert(path);
            }
        }
    }
    found.into_iter().collect()
}

/// Reads a text file with its path relative to the root; `None` for what is no text.
pub fn text(path: &Path) -> Option<(String, String)> {
    Some((relative(path), fs::read_to_string(path).ok()?))
}

/// Files under `src` that no `mod` leads to: dead code that compiles by accident or not at all.
pub fn dead(src: &Path, reachable: &[Source]) -> Vec<Breach> {
    let known: BTreeSet<&str> = reachable.iter().map(|source| source.path.as_str()).collect();
    files(src, &[".rs"])
        .iter()
        .map(|path| relative(path))
        .filter(|path| !known.contains(path.as_str()))
        .map(|file| Breach {
            file,
            line: 1,
            what: "no `mod` leads to this file".into(),
            remedy: "declare it in its room's mod.rs, or delete it",
        })
        .collect()
}
