//! The Python package: style, types and tests, against the debug build of the library.

use std::process::Command;

use crate::compiler;
use crate::report::{Suite, pytest_results};
use crate::setup;
use crate::workspace::{self, Result, System};

pub fn python(suite: &mut Suite) -> Result<()> {
    let interpreter = setup::virtual_environment()?;
    workspace::run(&mut compiler::build("debug"))?;
    let root = workspace::root();
    let package = root.join("bindings/python");
    let settings = package.join("pyproject.toml");
    let cache = workspace::scratch("python")?;
    let tool = |name: &str| {
        let mut command = Command::new(&interpreter);
        command.current_dir(root).args(["-m", name]);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    };

    let tests = root.join("tests/python");
    let sources = [package.clone(), tests.clone(), root.join("tests/interop/peers")];
    let mut check = tool("ruff");
    check.args(["check", "--no-cache", "--config"]).arg(&settings).args(&sources);
    let mut format = tool("ruff");
    format
        .args(["format", "--check", "--diff", "--no-cache", "--config"])
        .arg(&settings)
        .args(&sources);
    let mut types = tool("mypy");
    types.arg("--config-file").arg(&settings).arg("--cache-dir").arg(cache.join("mypy"));
    types.arg("--strict").arg(package.join("cppserver")).arg(package.join("examples"));
    suite.steps(vec![
        ("ruff check".to_string(), check),
        ("ruff format".to_string(), format),
        ("mypy --strict".to_string(), types),
    ]);

    let mut pytest = tool("pytest");
    pytest.arg("-c").arg(&settings).arg("--rootdir").arg(root);
    pytest.arg("-o").arg(compiler::option("cache_dir=", &cache.join("pytest")));
    pytest.arg(tests);
    pytest.env("PYTHONPATH", &package);
    pytest.env(
        "CPPSERVER_LIBRARY",
        workspace::target().join("debug").join(System::host().dynamic_library()),
    );
    suite.tests("pytest", &mut pytest, pytest_results);
    Ok(())
}
