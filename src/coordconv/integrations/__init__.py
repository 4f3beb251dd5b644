"""Integrations for other libraries; each module only imports its library when it is used."""

__all__: list[str] = []
