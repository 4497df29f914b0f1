"""What the DAGs hand to each other: an asset event says that there is news, never what it is."""

from airflow.sdk import Asset

ACCEPTED_DATA = Asset(name="accepted-data", uri="tandem://accepted-data")
SHIPPED_MODEL = Asset(name="shipped-model", uri="tandem://shipped-model")
