"""The figure of the laws."""

from decanet.convolution.figures.laws import draw_laws


def test_both_sides_of_a_law_are_equal_and_those_of_a_broken_law_differ():
    figure = draw_laws()
    inputs, laws = figure.axes[:4], figure.axes[4:]
    assert [axes.get_title(loc="left").replace("$", "")[:8] for axes in inputs] == [
        "Signal f",
        "Signal h",
        "Kernel g",
        "Kernel k",
    ]
    notes = {axes.get_title(loc="left").strip(): axes.texts[0].get_text() for axes in laws}
    assert not any("e-" in note for note in notes.values()), "a power of ten has a true minus sign"
    numbers = {
        law: note.rpartition(" to " if " to " in note else "within ")[2] for law, note in notes.items()
    }
    difference = {
        law: float(number.strip("$}").replace(r" \times 10^{", "e")) for law, number in numbers.items()
    }
    broken = {law for law, size in difference.items() if size > 0.1}
    assert broken == {law for law in notes if law.startswith("Not ")}
    assert len(broken) == 2
    assert all(size < 1e-12 for law, size in difference.items() if law not in broken)
    assert len(difference) == 7
