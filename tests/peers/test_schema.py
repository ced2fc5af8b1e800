"""An independent validator holds the shipped files against the printed schemas."""

import json

import jsonschema
import pytest
import yaml

KINDS = {
    "rig": "rigs/*/rig.yaml",
    "envelope": "rigs/*/envelope.yaml",
    "scenario": "scenarios/*/*.yaml",
    "mapping": "rigs/*/learned/*.yaml",
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def validator(checkrein, kind):
    result = checkrein("schema", kind)
    assert result.returncode == 0, result.stderr
    schema = json.loads(result.stdout)
    validator = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    validator.check_schema(schema)
    return validator(schema)


class Typed(yaml.SafeLoader):
    """YAML as of 1.2, where `on` is a word and no flag."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def shipped(repo, kind):
    files = sorted(repo.glob(KINDS[kind]))
    assert files, f"no {kind} is shipped"
    return [(path, yaml.load(path.read_text(), Loader=yaml.BaseLoader)) for path in files]


def test_every_shipped_file_is_valid(validator, repo, kind):
    for path, document in shipped(repo, kind):
        errors = [f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(document)]
        # The base loader gives every scalar as text; the schema may ask for numbers and flags.
        if errors:
            typed = yaml.load(path.read_text(), Loader=Typed)
            errors = [f"{'/'.join(map(str, e.path))}: {e.message}" for e in validator.iter_errors(typed)]
        assert not errors, f"{path.relative_to(repo)}: {errors}"


def test_an_unknown_field_and_a_missing_name_are_refused(validator, repo, kind):
    _, document = shipped(repo, kind)[0]
    assert not validator.is_valid({**document, "colour": "red"})
    assert not validator.is_valid({key: value for key, value in document.items() if key != kind})
