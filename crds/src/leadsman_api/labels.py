"""Labels and annotations, once: what we put on objects and what people put on resources."""

from __future__ import annotations

from leadsman_api.vocabulary import Term

GROUP = "leadsman.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

FIELD_MANAGER = "leadsman"
USER_MANAGER = "kubectl-leadsman"
"""Who writes what people ask for by the command line; never who applies a manifest."""
FINALIZER = f"{GROUP}/finalizer"
MANAGED_BY = "leadsman-operator"


class Label(Term):
    """Labels of the objects that we own."""

    MANAGED_BY = "app.kubernetes.io/managed-by", "says that an object is ours."
    COMPONENT = "app.kubernetes.io/component", "what an object is for: serving or training."
    INSTANCE = "app.kubernetes.io/instance", "name of the resource that an object belongs to."
    MODEL_DEPLOYMENT = f"{GROUP}/model-deployment", "the ModelDeployment of an object."
    TRAINING_RUN = f"{GROUP}/training-run", "the TrainingRun of an object."
    REVISION = f"{GROUP}/revision", "the revision of a serving object."
    ARM = f"{GROUP}/arm", "stable, candidate or previous."
    MODEL_VERSION = f"{GROUP}/model-version", "the registry's number of the version."
    ATTEMPT = f"{GROUP}/attempt", "the attempt of a training Job."
    TRIGGER = f"{GROUP}/trigger", "what started a training run."


class Annotation(Term):
    """Annotations: facts about our objects, and one-time commands of people."""

    MODEL_NAME = f"{GROUP}/model-name", "name of the registered model, which a label can't hold."
    SPEC_HASH = f"{GROUP}/spec-hash", "hash of what an object was rendered from."
    DIGEST = f"{GROUP}/digest", "content digest of the model's files."
    TRIALS = f"{GROUP}/trials", "trials that a search was begun for; more of them continue it."
    SCHEDULED_AT = f"{GROUP}/scheduled-at", "the time of a schedule that a training run is for."
    RETRAIN = f"{GROUP}/retrain", "start a training now; the value is the reason."


class Arm(Term):
    """The part that a revision plays."""

    STABLE = "stable", "carries the traffic."
    CANDIDATE = "candidate", "is being tried."
    PREVIOUS = "previous", "was the stable one before, and is kept warm."


class Tag(Term):
    """Tags that we write on versions and runs in the registry."""

    DIGEST = "leadsman.digest", "sha256 over the manifest of the version's files."
    TRAINING_RUN_UID = "leadsman.training_run_uid", "the TrainingRun that made it."
    TRAINING_RUN = "leadsman.training_run", "namespace and name of that TrainingRun."
    TRIGGER = "leadsman.trigger", "what started that TrainingRun."
    DATA_DIGEST = "leadsman.data_digest", "sha256 over all of the data it was trained on."
    DATA_REVISION = "leadsman.data_revision", "the source's own name for that state of the data."
    POD_UID = "leadsman.pod_uid", "the pod that trained it."
    IMAGE_DIGEST = "leadsman.image_digest", "digest of the image that trained it."
    GIT_COMMIT = "leadsman.git_commit", "commit of the code that trained it."
    SPEC_HASH = "leadsman.spec_hash", "hash of the spec that it was trained by."
    SPEC = "leadsman.spec", "what of that spec says what is trained, as JSON."
    STUDY = "leadsman.study", "the study and trial that its parameters are from."
    GATE = "leadsman.gate", "the verdict of the gate."
    ROLLED_BACK = "leadsman.rolled_back", "when and why it was rolled back."
    REPRODUCTION = "leadsman.reproduction", "the verdict of training it again."
    CONCLUSION = "leadsman.conclusion", "on a parent run: what the conclude Job found, as JSON."
    TRIAL = "leadsman.trial", "on the run of a trial: its number in the study."
