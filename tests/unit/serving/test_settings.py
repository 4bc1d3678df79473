"""The environment becomes settings, or a message that names what is wrong."""

from __future__ import annotations

import pytest

from leadsman_serving.errors import InvalidSettings
from leadsman_serving.settings import Settings, describe_settings, variable_of


def test_defaults_need_no_environment() -> None:
    """A container without variables serves on the ports that the contract names."""
    settings = Settings.from_environment({})

    assert (settings.port_http, settings.port_side) == (8080, 9090)


def test_variables_set_their_fields() -> None:
    """Each field has its variable; texts become numbers."""
    settings = Settings.from_environment(
        {"LEADSMAN_PORT_HTTP": "80", "LEADSMAN_DRAIN_SECONDS": "0.5", "LEADSMAN_LOG_LEVEL": "DEBUG"}
    )

    assert (settings.port_http, settings.drain_seconds, settings.log_level) == (80, 0.5, "DEBUG")


def test_what_kubernetes_sets_for_services_is_not_read() -> None:
    """A Service called `leadsman-port` must not change a port of ours."""
    settings = Settings.from_environment(
        {
            "LEADSMAN_PORT": "tcp://10.0.0.1:80",
            "LEADSMAN_PORT_PORT": "tcp://10.0.0.2:80",
            "LEADSMAN_PORT_SERVICE_PORT_HTTP": "80",
            "LEADSMAN_PORT_80_TCP": "tcp://10.0.0.1:80",
        }
    )

    assert settings == Settings()
    assert not any(
        variable_of(field).endswith(("_PORT", "_SERVICE_HOST")) for field in Settings.model_fields
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("LEADSMAN_PORT_HTTP", "65536", id="a port beyond the last"),
        pytest.param("LEADSMAN_PORT_SIDE", "tcp://10.0.0.1:80", id="a port that is an address"),
        pytest.param("LEADSMAN_DRAIN_SECONDS", "nan", id="a duration that is no number"),
        pytest.param("LEADSMAN_DRAIN_SECONDS", "-1", id="a negative duration"),
        pytest.param("LEADSMAN_FINISH_SECONDS", "", id="an empty value"),
        pytest.param("LEADSMAN_STUCK_SECONDS", "0", id="a limit that always strikes"),
        pytest.param("LEADSMAN_KEEP_ALIVE_SECONDS", "0", id="connections that never stay"),
        pytest.param("LEADSMAN_LOG_LEVEL", "loud", id="an unknown level"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(variable: str, value: str) -> None:
    """The message says which variable, which value and what it should be."""
    with pytest.raises(InvalidSettings) as caught:
        Settings.from_environment({variable: value})

    assert str(caught.value).startswith(f"{variable}={value!r}: ")


def test_all_wrong_values_are_named_at_once() -> None:
    """One start is enough to learn of every mistake."""
    with pytest.raises(InvalidSettings) as caught:
        Settings.from_environment({"LEADSMAN_PORT_HTTP": "x", "LEADSMAN_LOG_LEVEL": "y"})

    assert "LEADSMAN_PORT_HTTP='x'" in str(caught.value)
    assert "LEADSMAN_LOG_LEVEL='y'" in str(caught.value)


def test_help_names_every_variable_with_its_default() -> None:
    """What `--help` prints holds each variable, its default and what it is for."""
    text = describe_settings()

    assert all(variable_of(name) in text for name in Settings.model_fields)
    assert "LEADSMAN_DRAIN_SECONDS (default: 5.0)" in text
    assert "while readiness is already off" in text
