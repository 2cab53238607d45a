"""The reference of actions names every type and option."""

from flows.actions.registry import ACTION_TYPES, NOT_YET
from flows.reference import action_reference


def test_every_type_and_every_option_has_its_line() -> None:
    text = action_reference()
    for kind in ACTION_TYPES.values():
        section = text.split(f"## {kind.type}\n")[1].split("\n## ")[0]
        for name, field in kind.model_fields.items():
            assert f"| `{field.alias or name}` |" in section
    for name in NOT_YET:
        assert f"`{name}`" in text


def test_types_ranges_and_defaults_are_told() -> None:
    text = action_reference()
    assert "| `duration` | whole number, 100 to 1000 | `100` | ms for each tone |" in text
    assert "| `text` | text | required | Plain text or SSML |" in text
    assert "| `digits_handle` | `next` | – |" in text
    assert "| `async` | true or false | `false` |" in text
