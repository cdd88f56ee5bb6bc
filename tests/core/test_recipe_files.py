"""Recipes are read from TOML files, overridden by single settings, and written without loss."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from decanet.core.errors import UsageError
from decanet.core.recipe import Adam, Augmentation, Data, Model, Muon, Recipe, RmsProp, Schedule, Sgd
from decanet.core.recipe_files import override, read_recipe, to_toml
from decanet.training.recipes import list_recipes, load_recipe

RECIPE = Recipe(model=Model(name="decanet_s"), batch_size=500, epochs=2, optimizer=Adam())


def test_a_recipe_file_takes_its_name_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'batch_size = 8\nepochs = 1\nmodel.name = "lenet5"\noptimizer = { name = "sgd", lr = 0.1 }\n'
    )
    recipe = read_recipe(path)
    assert recipe.name == "mine"
    assert recipe.optimizer == Sgd(lr=0.1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no recipe file"),
        (b"batch_size = ", "is not TOML"),
        (b"\xff\xfe", "cannot read recipe"),
        (b"batch_size = 1\n", "model is missing"),
    ],
)
def test_a_file_that_is_not_a_recipe_is_refused_in_one_line(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        read_recipe(path)
    assert str(path) in str(caught.value)
    assert "\n" not in caught.value.line


def test_a_folder_is_refused_as_a_recipe(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read recipe"):
        read_recipe(tmp_path)


def test_settings_override_single_values() -> None:
    recipe = RECIPE.model_copy(update={"optimizer": Sgd(lr=0.5, momentum=0.8)})
    changed = override(
        recipe, ["optimizer.lr=0.1", "epochs=3.5", "data.name=./my images", "model.options.width=8"]
    )
    assert changed.optimizer == Sgd(lr=0.1, momentum=0.8)
    assert changed.epochs == 3.5
    assert changed.data.name == "./my images"
    assert changed.model.options == {"width": 8}
    assert recipe.epochs == 2


def test_a_setting_may_hold_an_equals_sign() -> None:
    assert override(RECIPE, ["data.name=./a=b"]).data.name == "./a=b"


def test_another_optimizer_drops_the_old_optimizers_keys() -> None:
    recipe = RECIPE.model_copy(update={"optimizer": Sgd(lr=0.5, momentum=0.8)})
    assert override(recipe, ["optimizer.name=adam"]).optimizer == Adam()
    assert override(recipe, ["optimizer.name=adamw", "optimizer.lr=0.01"]).optimizer == Adam(
        name="adamw", lr=0.01
    )
    assert override(recipe, ["optimizer.name=sgd"]) == recipe


def test_no_settings_return_the_same_recipe() -> None:
    recipe = RECIPE
    assert override(recipe, []) is recipe


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epochs", "--set takes key=value"),
        ("=3", "--set takes key=value"),
        ("epohcs=3", r"unknown key epohcs \(did you mean epochs\?\)"),
        ("optimzer.lr=3", r"'optimzer' has no keys below it \(did you mean optimizer.lr"),
        ("epochs.x=3", "'epochs' has no keys below it"),
        ("epochs=-1", "epochs: input should be greater than 0, got -1"),
        ("optimizer.name=lion", "does not match any of the expected tags"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(setting: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        override(RECIPE, [setting])
    assert "\n" not in str(caught.value)


def test_all_wrong_settings_are_reported_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        override(RECIPE, ["optimzr.lr=1", "epoch=2", "foo=1", "epochs=3"])
    for message in (
        "unknown key epoch (did you mean epochs",
        "unknown key foo",
        "'optimzr' has no keys below it",
    ):
        assert message in str(caught.value)
    assert "\n" not in str(caught.value)


fractions = st.floats(0, 1, allow_nan=False)
betas = st.floats(0, 1, exclude_max=True, allow_nan=False)
alpha = st.just(0.0) | st.floats(1e-6, 1e6)
positive = st.floats(0, 1e6, exclude_min=True, allow_nan=False)
mean = st.none() | st.tuples(*[st.floats(-1e3, 1e3, allow_nan=False)] * 3)
std = st.none() | st.tuples(*[st.floats(1e-6, 1e3, allow_nan=False)] * 3)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
recipe_names = st.from_regex(r"\w[\w.:-]{0,12}", fullmatch=True)
names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
plain = (
    st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | words
)
values = st.recursive(
    plain, lambda v: st.lists(v, max_size=3) | st.dictionaries(names, v, max_size=3), max_leaves=5
)
recipes = st.builds(
    Recipe,
    name=recipe_names,
    model=st.builds(Model, name=words, options=st.dictionaries(names, values, max_size=3)),
    data=st.builds(Data, name=words, image_size=st.none() | st.integers(1, 999), mean=mean, std=std),
    augmentation=st.builds(
        Augmentation,
        flip=st.sampled_from(["none", "random", "alternating"]),
        crop_padding=st.integers(0, 9),
        scale=st.none() | st.tuples(fractions, fractions),
        mixup=alpha,
    ),
    batch_size=st.integers(1, 10**6),
    epochs=positive,
    optimizer=st.one_of(
        st.builds(Sgd, lr=positive, nesterov=st.booleans()),
        st.builds(Adam, name=st.sampled_from(["adam", "adamw"]), lr=positive, betas=st.tuples(betas, betas)),
        st.builds(RmsProp, lr=positive, eps=positive),
        st.builds(Muon, lr=positive, head_lr=positive, bias_lr=positive),
    ),
    schedule=st.builds(Schedule, milestones=st.lists(fractions, max_size=4).map(tuple), gamma=positive),
    label_smoothing=fractions,
    progressive_sizes=st.lists(
        st.tuples(fractions, st.integers(1, 99)), max_size=3, unique_by=lambda p: p[0]
    ).map(lambda pairs: tuple(sorted(pairs))),
    seed=st.integers(0, 2**60),
    departures=st.lists(words, max_size=3).map(tuple),
)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(recipe=recipes)
@example(
    recipe=Recipe(name="né", model=Model(name='\x7f\x01"\\'), batch_size=1, epochs=1e-7, optimizer=Adam())
)
def test_every_recipe_is_read_back_equal_from_its_toml(
    recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "written.toml"
    path.write_text(to_toml(recipe), encoding="utf-8")
    assert read_recipe(path) == recipe


@pytest.mark.parametrize("name", ["flash", "quick", "strong", "best", "tutorial", "tutorial_bf16", "paper"])
def test_built_in_recipes_survive_toml(name: str, tmp_path: Path) -> None:
    assert name in list_recipes()
    recipe = load_recipe(name)
    path = tmp_path / "written.toml"
    path.write_text(to_toml(recipe), encoding="utf-8")
    assert read_recipe(path) == recipe


@pytest.mark.parametrize("name", ["2024", "007", "true", "null", "[a]", "{}", "1e3", '"quoted"'])
def test_a_key_that_holds_a_string_takes_every_value_as_a_string(name: str) -> None:
    """A folder may have the name 2024: a value is read as JSON only if it is a quoted string."""
    changed = override(RECIPE, [f"data.name={name}"])
    assert changed.data.name == name.strip('"')


def test_a_recipe_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    recipe = RECIPE
    (tmp_path / "mine.toml").write_text(to_toml(recipe), encoding="utf-8-sig")
    assert read_recipe(tmp_path / "mine.toml") == recipe
