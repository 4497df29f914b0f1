"""Random sequences of deployments and misfortunes; `make faults` runs 2,000 of them."""

from tests.unit.rollout.story import DeploymentStory, sequences

TestDeploymentStory = DeploymentStory.TestCase
TestDeploymentStory.settings = sequences(200)
