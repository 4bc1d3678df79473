"""Names of the environment variables by which the operator speaks to its pods."""

from __future__ import annotations

from leadsman_api.vocabulary import Term


class Variable(Term):
    """Environment variables of our pods."""

    MODEL_NAME = "LEADSMAN_MODEL_NAME", "the registered model."
    MODEL_VERSION = "LEADSMAN_MODEL_VERSION", "its version."
    MODEL_SOURCE = "LEADSMAN_MODEL_SOURCE", "where the registry must say that its files are."
    MODEL_DIGEST = "LEADSMAN_MODEL_DIGEST", "digest that its files must have."
    MODEL_DIR = "LEADSMAN_MODEL_DIR", "folder of the files and the plan."
    LOADING = "LEADSMAN_LOADING", "Safe or Trusted."
    REVISION = "LEADSMAN_REVISION", "the revision that this pod serves."
    LIMITS = "LEADSMAN_LIMITS", "spec.serving.limits as JSON."
    API_KEYS_DIR = "LEADSMAN_API_KEYS_DIR", "folder with the accepted API keys."
    PAYLOAD_LOG = "LEADSMAN_PAYLOAD_LOG", "spec.serving.payloadLog as JSON."
    SHADOW = "LEADSMAN_SHADOW", "spec.rollout.shadow as JSON."
    STABLE_ADDRESS = "LEADSMAN_STABLE_ADDRESS", "where the stable revision is asked for comparison."
    TRAINING_RUN = "LEADSMAN_TRAINING_RUN", "namespace/name of the TrainingRun."
    TRAINING_RUN_UID = "LEADSMAN_TRAINING_RUN_UID", "its uid."
    TRAINING_SPEC = "LEADSMAN_TRAINING_SPEC", "path of the file with its spec."
    STUDY = "LEADSMAN_STUDY", "name of the study."
    STUDY_URL = "LEADSMAN_STUDY_URL", "address of the study's database."
    WORKER = "LEADSMAN_WORKER", "number of this worker."
    ATTEMPT = "LEADSMAN_ATTEMPT", "number of the attempt, with which search.timeout begins anew."
    POD_UID = "LEADSMAN_POD_UID", "uid of this pod, by which its trials are found."
    DOUBLINGS = (
        "LEADSMAN_DOUBLINGS",
        "how often the memory of this worker was doubled: it runs trials that need so much.",
    )
    PARENT_RUN = "LEADSMAN_PARENT_RUN", "MLflow run that the trials belong to."
    DATA_DIR = "LEADSMAN_DATA_DIR", "folder in which a claim or a ConfigMap with data is mounted."
    IMAGE = "LEADSMAN_IMAGE", "the image that this pod was asked to run."
    GIT_COMMIT = "LEADSMAN_GIT_COMMIT", "commit that the image was built from."
    TRIGGER = "LEADSMAN_TRIGGER", "what started the training run."


class MlflowVariable(Term):
    """MLflow's own variables that we set; credentials come from a Secret in the same names."""

    TRACKING_URI = "MLFLOW_TRACKING_URI", "address of the server."
    WORKSPACE = "MLFLOW_WORKSPACE", "workspace of the model."
    RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "how often a request is sent again."
    TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT", "seconds until a request is given up."
