# What a team may ask of every plan; written for Terraform's plan JSON, as conftest and OPA read it.
package main

import rego.v1

deny contains message if {
  some resource in input.resource_changes
  resource.type == "ftctl_deployment"
  "delete" in resource.change.actions
  message := sprintf("%s would be deleted", [resource.address])
}

deny contains message if {
  some resource in input.resource_changes
  resource.type == "ftctl_account"
  resource.change.after.localAuth != false
  message := sprintf("%s takes keys", [resource.address])
}

deny contains message if {
  some resource in input.resource_changes
  resource.type == "ftctl_job"
  "create" in resource.change.actions
  not resource.change.after.validation
  message := sprintf("%s has no validation data", [resource.address])
}

warn contains message if {
  some resource in input.resource_changes
  resource.change.after_unknown.model
  message := sprintf("%s waits for its model", [resource.address])
}
