"""The operator's environment, and what its complaints say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leadsman_operator.settings import (
    CREDENTIALS,
    InvalidSettings,
    Settings,
    describe_settings,
    forget_credentials,
    settable_fields,
    variable_of,
)


def test_everything_has_a_default() -> None:
    """An empty environment is enough to start; the images are those of the operator's version."""
    settings = Settings.from_environment({})

    assert settings.namespaces == ()
    assert settings.serving_image.startswith("leadsman/serving:")
    assert settings.configuration().tracking_uri is None


def test_settings_become_the_configuration_of_every_resource() -> None:
    """What decisions depend on is handed to the planner, secrets included."""
    configuration = Settings.from_environment(
        {
            "LEADSMAN_SERVING_IMAGE": "registry.example.com/serving:2",
            "LEADSMAN_TRACKING_URI": "http://mlflow.ml:5000",
            "LEADSMAN_STUDY_URL": "postgresql://user:word@host/name",
            "LEADSMAN_SCRAPE_INTERVAL": "1m30s",
            "LEADSMAN_IMAGE_PULL_POLICY": "Never",
            "MLFLOW_TRACKING_USERNAME": "ann",
            "MLFLOW_TRACKING_PASSWORD": "word",
            "MLFLOW_TRACKING_TOKEN": "",
        }
    ).configuration()

    assert configuration.serving_image == "registry.example.com/serving:2"
    assert configuration.tracking_uri == "http://mlflow.ml:5000"
    assert configuration.study_url == "postgresql://user:word@host/name"
    assert configuration.scrape_interval == timedelta(seconds=90)
    assert configuration.image_pull_policy == "Never"
    assert configuration.tracking_credentials == {
        "MLFLOW_TRACKING_USERNAME": "ann",
        "MLFLOW_TRACKING_PASSWORD": "word",
    }


@pytest.mark.parametrize(
    ("written", "read"),
    [("", ()), ("ml", ("ml",)), ("ml,shop", ("ml", "shop")), (" ml, shop ", ("ml", "shop"))],
)
def test_namespaces_are_a_list(written: str, read: tuple[str, ...]) -> None:
    """With commas, with spaces, or none for all of them."""
    assert Settings.from_environment({"LEADSMAN_NAMESPACES": written}).namespaces == read


@pytest.mark.parametrize("field", ["tracking_uri", "prometheus_url", "study_url", "identity"])
def test_an_empty_text_is_no_value(field: str) -> None:
    """A chart writes one for what its user left out."""
    assert getattr(Settings.from_environment({variable_of(field): ""}), field) is None


@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        pytest.param("SERVING_IMAGE", "", "write an image", id="no image"),
        pytest.param("SCRAPE_INTERVAL", "15", "write a duration such as", id="no unit"),
        pytest.param("REGISTRY_POLL", "0s", "", id="no time at all"),
        pytest.param("LEASE_DURATION", "1s", "whole seconds, at least 4s", id="a short Lease"),
        pytest.param("LEASE_DURATION", "4500ms", "write whole seconds", id="half seconds"),
        pytest.param("CONCURRENT_RECONCILES", "0", "greater than or equal to 1", id="no loops"),
        pytest.param("PORT_HEALTH", "tcp://10.0.0.1:80", "valid integer", id="an address"),
        pytest.param("LOG_LEVEL", "loud", "'DEBUG', 'INFO'", id="an unknown level"),
        pytest.param("LOG_FORMAT", "xml", "'json' or 'text'", id="an unknown form"),
        pytest.param("LEASE_NAME", "My Lease", "write the name of a", id="a name"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_variable(variable: str, value: str, advice: str) -> None:
    """The message says which variable, which value, and what to write instead."""
    with pytest.raises(InvalidSettings) as caught:
        Settings.from_environment({f"LEADSMAN_{variable}": value})

    assert str(caught.value).startswith(f"LEADSMAN_{variable}={value!r}: ")
    assert advice in str(caught.value)


def test_all_wrong_values_are_named_at_once() -> None:
    """One start is enough to learn of every mistake, one sentence each."""
    with pytest.raises(InvalidSettings) as caught:
        Settings.from_environment({"LEADSMAN_PORT_HEALTH": "x", "LEADSMAN_NAMESPACES": "A,B"})

    sentences = str(caught.value).split("; ")
    assert [sentence.partition("=")[0] for sentence in sentences] == [
        "LEADSMAN_NAMESPACES",
        "LEADSMAN_PORT_HEALTH",
    ]


def test_addresses_that_may_hold_a_password_are_not_repeated() -> None:
    """Logs are read by many."""
    with pytest.raises(InvalidSettings) as caught:
        Settings.from_environment({"LEADSMAN_TRACKING_URI": "ftp://ann:word@host"})

    assert "word" not in str(caught.value)
    assert str(caught.value).startswith("LEADSMAN_TRACKING_URI: write an address")


def test_secrets_are_not_shown() -> None:
    """Neither by the settings nor by what is made of them."""
    settings = Settings.from_environment(
        {"LEADSMAN_STUDY_URL": "postgresql://u:word@h/n", "MLFLOW_TRACKING_TOKEN": "word"}
    )

    assert "word" not in repr(settings)
    assert "word" not in repr(settings.configuration())


def test_credentials_leave_the_environment() -> None:
    """What runs in this process later can't send them to the wrong server."""
    environment = {**dict.fromkeys(CREDENTIALS, "x"), "PATH": "/bin"}

    forget_credentials(environment)

    assert environment == {"PATH": "/bin"}


def test_no_variable_is_one_that_kubernetes_sets_for_a_service() -> None:
    """A Service called leadsman-something in the namespace must not change a setting."""
    endings = ("_PORT", "_SERVICE_HOST", "_SERVICE_PORT", "_TCP", "_ADDR", "_PROTO")

    assert [name for name in settable_fields() if variable_of(name).endswith(endings)] == []


def test_help_names_every_variable_with_its_default() -> None:
    """What `--help` prints holds each variable, its default and what it is for."""
    text = describe_settings()

    assert all(variable_of(name) in text for name in settable_fields())
    assert all(name in text for name in CREDENTIALS)
    assert "LEADSMAN_SCRAPE_INTERVAL (default: 15s)" in text
    assert "LEADSMAN_NAMESPACES (default: none)" in text
