//! Which component somebody means: a file, a transform of the repository, or a digest of the registry.

use std::path::{Path, PathBuf};

use skewless_runtime::Digest;
use skewless_store::apply::component_path;
use skewless_store::registry::Registry;

use crate::failure::{Failure, Result};
use crate::session::{Session, block_on};

/// The component's bytes: from the registry, from a file, or from where `build` put them.
pub(crate) fn bytes(session: &Session, component: &str) -> Result<Vec<u8>> {
    if component.parse::<Digest>().is_ok() {
        let repository = session.repository()?;
        let settings = &repository.settings;
        let registry = Registry::open(&settings.registry, &repository.root, &settings.project)?;
        return block_on(async { Ok(registry.component(component).await?) });
    }
    let path = path(session, component)?;
    std::fs::read(&path).map_err(|error| Failure::file("read", &path, &error))
}

/// Where the component file is that somebody means: the file itself, or what `build` made of a transform of that name.
pub(crate) fn path(session: &Session, component: &str) -> Result<PathBuf> {
    let file = Path::new(component);
    if file.is_file() || component.ends_with(".wasm") {
        return Ok(file.to_owned());
    }
    if Session::root().is_err() {
        let message = format!("`{component}` is no file, and here is no repository that could have such a transform");
        return Err(Failure::impossible(message));
    }
    let repository = session.repository()?;
    let Some(definition) = repository.definitions.transform(component) else {
        let names: Vec<_> = repository.definitions.transforms.iter().map(|transform| transform.name.as_str()).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(Failure::impossible(format!(
            "`{component}` is neither a file nor a transform of the repository, which has {known}"
        )));
    };
    let path = component_path(&repository, definition);
    if path.is_file() {
        return Ok(path);
    }
    let message = format!("transform `{component}` has no component in `{}` yet: run `skewless build`", path.display());
    Err(Failure::impossible(message))
}
