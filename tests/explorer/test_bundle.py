"""ES modules become one classic script."""

import pytest

from decanet.explorer.bundle import join, variable

MODULES = {
    "a.js": (
        'import { twice } from "./lib/b.js";\nimport * as c from "./lib/c.js";\nexport const answer = twice(c.three);\n'
    ),
    "lib/b.js": 'import { three } from "./c.js";\n\nexport function twice(x) {\n  return 2 * x + three - 3;\n}\n',
    "lib/c.js": "export const three = 3;\nexport async function later() {}\n",
}


def test_modules_are_defined_after_those_that_they_need() -> None:
    script = join(["a.js"], MODULES.__getitem__)
    places = [script.index(f"const {variable(path)} =") for path in ("lib/c.js", "lib/b.js", "a.js")]
    assert places == sorted(places)
    assert script.count("return { three, later };") == 1
    assert "const { twice } = module_lib_b;" in script
    assert "const c = module_lib_c;" in script
    assert "import" not in script
    assert "export" not in script


def test_other_imports_and_exports_are_refused() -> None:
    for text in ('import d from "./d.js";\n', "export default 3;\n", "export { a };\n"):
        with pytest.raises(ValueError, match="cannot be joined"):
            join(["x.js"], {"x.js": text}.__getitem__)
