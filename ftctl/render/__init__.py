"""Values to text, JSON and live progress; `console` alone imports rich."""
