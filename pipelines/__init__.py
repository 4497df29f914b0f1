"""The Tandem platform: the steps that turn raw interactions into a deployed recommender."""
