"""Plan and apply for Azure OpenAI fine-tuning."""

__version__ = "0.1.0"
