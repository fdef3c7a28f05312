"""The output without OpenGL."""

from murai_show.output import Stage, open_output
from tests.output.planning import STARTED, an_output, lit, noise


def test_it_keeps_the_last_different_pictures() -> None:
    planned = an_output("memory", keep=3)
    memory = open_output(planned, Stage((planned,)), "", STARTED)
    pictures = [noise(number) for number in range(5)]
    for picture in pictures:
        memory.show(picture, lit(0.25), 0.0)
        memory.show(picture, lit(0.75), 0.1)
    assert list(memory.pictures) == pictures[2:]
    assert memory.light == 0.75
    assert memory.presented == 10
    memory.close()
    assert len(memory.pictures) == 3
