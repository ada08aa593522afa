"""The two stages that speak to Azure: observe reads, execute writes."""
