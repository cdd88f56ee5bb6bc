"""Options as people know them from elsewhere are answered with the right one, ready to copy."""

import pytest

from decanet.cli import _habits
from decanet.cli import run as decanet


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "train quick --lr 0.1",
            "has no option --lr; write --set optimizer.lr=0.1 (see decanet train --help)",
        ),
        ("train quick --lr=0.1", "write --set optimizer.lr=0.1 "),
        ("train quick --lr", "write --set optimizer.lr=VALUE "),
        ("train quick --learning-rate 1e-3 --seed 1", "write --set optimizer.lr=1e-3 "),
        ("train quick --batch-size 64", "write --set batch_size=64 "),
        ("train quick --batch_size=64", "write --set batch_size=64 "),
        ("train quick -b 64", "write --set batch_size=64 "),
        ("train quick --weight-decay 0.1", "write --set optimizer.weight_decay=0.1 "),
        ("train quick --optimizer.lr 0.1", "write --set optimizer.lr=0.1 "),
        ("train quick --model resnet18", "write --set model.name=resnet18 "),
        ("train quick --optimizer sgd", "write --set optimizer.name=sgd "),
        ("train quick --amp", "write --set precision=bfloat16 "),
        ("train quick --gpu", "write --device cuda "),
        ("train quick -o x", "write --out x "),
        ("train quick --output 'a b'", "write --out 'a b' "),
        ("train quick --epoch 3", "write --epochs 3 "),
        ("train quick -e 3", "write --epochs 3 "),
        ("train quick --dataset digits", "write --data digits "),
        ("train quick --sede 3", "(did you mean --seed"),
        ("evaluate run -o x", "write --figures x "),
        ("evaluate run --crops ten_crop", "write --tta ten_crop "),
        ("predict x.png --topk 3", "write --top 3 "),
        ("predict x.png --weights a.pth", "write --model a.pth "),
        ("predict x.png --checkpoint runs/mine", "write --model runs/mine "),
        ("evaluate vgg11 --weights torchvision", "write --model NAME@torchvision "),
        ("evaluate vgg11 --pretrained", "write --model REF "),
        ("lineage --out x", "write --figures x "),
        ("convolve image --kernal x", "(did you mean --kernel"),
        ("data list --zzzzzzz", "decanet data list has no option --zzzzzzz (see decanet data list --help)"),
    ],
)
def test_an_unknown_option_is_answered_with_the_right_one(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import shlex

    assert decanet(shlex.split(arguments)) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error[usage]: decanet ")
    assert message in lines[0]


def test_the_british_spelling_of_color_is_understood() -> None:
    assert _habits.right_option("--colour", None, ["--color"], []) == "; write --color"
