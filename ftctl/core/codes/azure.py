"""FT2000-FT2999: what Azure, or the way to it, refused."""

from __future__ import annotations

from ftctl.core.errors import Code, Exit

_SIGN_IN: dict[str, Code] = {
    "FT2001": Code(
        "Not signed in to Azure",
        Exit.PERMISSION,
        "None of the ways to sign in that were tried could give a token.",
        "Run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or AZURE_FEDERATED_TOKEN_FILE).",
    ),
    "FT2002": Code(
        "Sign-in refused",
        Exit.PERMISSION,
        "Microsoft Entra knows the request but gives no token for this tenant, client or secret.",
        "Check the tenant, the client id and that its secret or certificate has not expired.",
    ),
    "FT2003": Code(
        "Credentials not accepted",
        Exit.PERMISSION,
        "The service answered 401: the token or key is not one for it, or the account has no custom subdomain.",
        "Sign in to the tenant of the subscription; see that the account has a subdomain, which Entra tokens need.",
    ),
    "FT2004": Code(
        "No right to do this in Azure Resource Manager",
        Exit.PERMISSION,
        "The identity has no role that allows the action at this scope, or a new assignment has not spread yet.",
        "Have a role with the action assigned at the scope; after a fresh assignment wait some minutes and run again.",
    ),
    "FT2005": Code(
        "No right to this data",
        Exit.PERMISSION,
        "Files, jobs and models are data: Owner gives no data actions, and neither does Contributor.",
        "Have Cognitive Services OpenAI Contributor (to read and chat: OpenAI User) assigned on the account; "
        "a new assignment takes up to five minutes to reach it.",
    ),
    "FT2006": Code(
        "Keys are switched off",
        Exit.PERMISSION,
        "The account has local authentication disabled, so that it has no keys to give or accept.",
        "Sign in with Microsoft Entra (that is what ftctl does by default), or set `localAuth: true` on the account.",
    ),
    "FT2007": Code(
        "Kept out by the account's network rules",
        Exit.PERMISSION,
        "Public access is disabled, or this machine's address is not among the allowed ones.",
        "Run from inside the network, or allow this address in the account's `network`.",
    ),
    "FT2008": Code(
        "No right to look up names in Microsoft Graph",
        Exit.PERMISSION,
        "Finding a user, group or service principal by name takes a directory permission that pipelines rarely have.",
        "Write the principal as `{id: <object id>, type: User | Group | ServicePrincipal}`; then nothing is looked up.",
    ),
    "FT2009": Code(
        "Subscription not found",
        Exit.PERMISSION,
        "The subscription does not exist in this cloud, or the tenant that you are signed in to does not hold it.",
        "Compare `azure.subscription` with `az account list`, and sign in to the tenant that holds it.",
    ),
}

_PROFILE: dict[str, Code] = {
    "FT2010": Code(
        "Bad cloud profile",
        Exit.DATA,
        "A profile of own endpoints needs https addresses for its resource manager and its sign-in authority.",
        "Correct `azure.cloud`, or use one of public, usgov, china, local.",
    ),
    "FT2011": Code(
        "Not an ARM id",
        Exit.DATA,
        "A resource id starts with /subscriptions/<id> and goes on in pairs of type and name.",
        "Copy the id from the portal's JSON view, or from `az resource show --query id`.",
    ),
    "FT2012": Code(
        "Several principals have this name",
        Exit.DATA,
        "Display names are not unique in a directory, and guessing would give rights to the wrong one.",
        "Write the principal as `{id: <object id>, type: User | Group | ServicePrincipal}`.",
    ),
}

_WAY: dict[str, Code] = {
    "FT2020": Code(
        "Azure cannot be reached",
        Exit.ERROR,
        "The name did not resolve, or nothing answered at the address.",
        "Check the network, the proxy (HTTPS_PROXY) and the cloud's endpoints; for the local cloud: `ftctl local up`.",
    ),
    "FT2021": Code(
        "The server's certificate is not trusted",
        Exit.ERROR,
        "No trusted authority signed the certificate, or it is for another name.",
        "Behind an inspecting proxy set REQUESTS_CA_BUNDLE to its CA file; a profile of own endpoints names one in `caFile`.",
    ),
    "FT2022": Code(
        "No answer in time",
        Exit.ERROR,
        "The service took the request and did not answer before the time-out.",
        "Run again: what did happen is found and not repeated.",
    ),
    "FT2023": Code(
        "The connection broke before the answer came",
        Exit.ERROR,
        "Whether the request was carried out is not known.",
        "Run again: what did happen is found and not repeated.",
    ),
    "FT2024": Code(
        "An answer that makes no sense",
        Exit.ERROR,
        "What came back is not what Azure sends; a proxy or a sign-in page may stand between.",
        "Run with --trace to see who answers, and check the endpoint.",
    ),
    "FT2025": Code(
        "Too many requests",
        Exit.ERROR,
        "The service limits how often it may be asked, and the waits it demanded did not help.",
        "Wait some minutes and run again; run fewer pipelines at once.",
    ),
    "FT2026": Code(
        "The service failed",
        Exit.ERROR,
        "Azure answered with a fault of its own.",
        "Run again later; if it stays, give the correlation id to Azure support.",
    ),
    "FT2027": Code(
        "The account is busy with another operation",
        Exit.ERROR,
        "An account takes one write at a time, and somebody else's did not end within ten minutes.",
        "See what else changes the account (portal, another pipeline) and run again.",
    ),
    "FT2028": Code(
        "The account has not settled",
        Exit.ERROR,
        "The account is still being created or changed, and did not become ready within ten minutes.",
        "Wait until its provisioning state is Succeeded and run again.",
    ),
}

_ARM: dict[str, Code] = {
    "FT2100": Code(
        "Azure refused the request",
        Exit.ERROR,
        "The service's own words are given above.",
        "Correct what it names; the correlation id tells Azure support which request it was.",
    ),
    "FT2101": Code(
        "Not found in Azure",
        Exit.ERROR,
        "The thing, or what it lives in, does not exist (any more).",
        "Plan again; if somebody deleted it, the new plan says so.",
    ),
    "FT2102": Code(
        "A soft-deleted account holds this name",
        Exit.ERROR,
        "A deleted account keeps its name, its subdomain and its quota for 48 hours.",
        "Set `onSoftDeleted: restore` to bring it back or `purge` to end it for good, or choose another name.",
    ),
    "FT2103": Code(
        "The subdomain is taken",
        Exit.ERROR,
        "Subdomains are unique in all of Azure, and a soft-deleted account keeps its own for 48 hours.",
        "Choose another `name` (or subdomain) for the account, or purge the deleted one.",
    ),
    "FT2104": Code(
        "Not enough quota",
        Exit.ERROR,
        "The subscription has too little left of what the deployment or account needs in this region.",
        "Lower `capacity`, delete what is not used (soft-deleted accounts count too), or ask for more quota.",
    ),
    "FT2105": Code(
        "The subscription may not have this kind of account",
        Exit.ERROR,
        "Azure OpenAI is not open to every type of subscription (free, student and some sponsored ones).",
        "Use a pay-as-you-go or enterprise subscription.",
    ),
    "FT2106": Code(
        "Model, SKU or region do not go together",
        Exit.ERROR,
        "Not every model is offered with every SKU in every region; where it can be trained it cannot always be served.",
        "Choose a SKU and region that list the model, or deploy in another region.",
    ),
    "FT2107": Code(
        "Something still lives in it",
        Exit.ERROR,
        "An account with projects or deployments in it is not deleted.",
        "Delete what lives in it first.",
    ),
    "FT2108": Code(
        "The subscription is not registered for the service",
        Exit.ERROR,
        "A subscription must be registered for a resource provider once before it can use it.",
        "Run `az provider register --namespace Microsoft.CognitiveServices` and wait until it says Registered.",
    ),
    "FT2109": Code(
        "Forbidden by a policy or a lock",
        Exit.BLOCKED,
        "An Azure Policy of the subscription, or a lock on the resource, does not allow this.",
        "Follow the policy that is named, or have the lock taken away by those who set it.",
    ),
    "FT2110": Code(
        "The principal is not in the directory",
        Exit.ERROR,
        "No such object id exists in the tenant, or a new one has not spread yet.",
        "Use the object id (of the service principal, not of the app registration); for a new one run again in minutes.",
    ),
    "FT2111": Code(
        "The principal is of another type",
        Exit.ERROR,
        "The type that was sent is not the one the directory has for this object id.",
        "Correct `principal.type`: User, Group or ServicePrincipal.",
    ),
    "FT2112": Code(
        "The role is assigned already",
        Exit.ERROR,
        "The same role, principal and scope exist under another id.",
        "Plan again: it is then seen, and can be adopted.",
    ),
    "FT2113": Code(
        "A role assignment's principal, role and scope do not change",
        Exit.ERROR,
        "The id is taken by an assignment of something else.",
        "Delete that assignment and apply again.",
    ),
    "FT2114": Code(
        "No more role assignments",
        Exit.ERROR,
        "The subscription holds as many role assignments as it may.",
        "Delete unused ones, or assign the role to a group once.",
    ),
    "FT2115": Code(
        "No such role",
        Exit.ERROR,
        "The role definition does not exist in this tenant.",
        "Use the name or GUID of a built-in role, or the GUID of a custom one.",
    ),
    "FT2116": Code(
        "The network bypass is not for this kind of account",
        Exit.ERROR,
        "Not every kind of account knows exceptions for Azure services.",
        "Leave the bypass out, or set it to None.",
    ),
    "FT2117": Code(
        "The operation ended in failure",
        Exit.ERROR,
        "Azure accepted the request and could not carry it out.",
        "Apply again; if an account stays Failed, delete it, purge it and apply.",
    ),
    "FT2118": Code(
        "The service fell over the model's description",
        Exit.ERROR,
        "A bare fault 500 (or 715-123420) on a deployment mostly means a wrong `format` of the model; its case counts.",
        "Compare format, name and version with the models list of the region.",
    ),
    "FT2119": Code(
        "In conflict with what is there",
        Exit.ERROR,
        "The thing is in a state that does not allow this, or somebody changed it meanwhile.",
        "Plan again and look at the difference.",
    ),
}

_DATA: dict[str, Code] = {
    "FT2200": Code(
        "The deployment does not answer yet",
        Exit.ERROR,
        "The data plane learns of a new deployment up to five minutes after it was made.",
        "Wait a moment and ask again; compare the deployment's name and the account's endpoint.",
    ),
    "FT2201": Code(
        "The deployment is not ready",
        Exit.ERROR,
        "The deployment exists, but its model is still being loaded.",
        "Wait some minutes and ask again.",
    ),
    "FT2202": Code(
        "The model cannot be trained this way here",
        Exit.ERROR,
        "The service says that the model does not support fine-tuning also when only the training type (or none, which "
        "means regional training) is not offered in this region.",
        "Set `trainingType` to globalStandard or developerTier, or use a region that trains the model.",
    ),
    "FT2203": Code(
        "The service rejects the data file",
        Exit.ERROR,
        "The file is not JSON lines of the format that the method expects.",
        "Run `ftctl validate`, which names the lines, correct the file and apply again.",
    ),
    "FT2204": Code(
        "The training data did not pass the safety check",
        Exit.ERROR,
        "The service looks through training data for harmful content before it trains. This is not billed.",
        "Take the examples of the named kinds out of the data.",
    ),
    "FT2205": Code(
        "The trained model did not pass the safety check",
        Exit.ERROR,
        "The service asks a trained model harmful questions, and it answered too many of them. It cannot be deployed.",
        "Look through the data for what teaches this, and train again.",
    ),
    "FT2206": Code(
        "The content filter stopped the request",
        Exit.ERROR,
        "The prompt or the answer matched the deployment's content filter.",
        "Change the prompt, or the deployment's `raiPolicy`.",
    ),
    "FT2207": Code(
        "The deployment is paused",
        Exit.ERROR,
        "Somebody paused the deployment, so that it answers nothing.",
        "Resume it.",
    ),
    "FT2208": Code(
        "No such route on this endpoint",
        Exit.ERROR,
        "The endpoint does not know the path or its api-version; it may be another service's.",
        "Check the account's kind and endpoint.",
    ),
    "FT2209": Code(
        "A limit of the account is reached",
        Exit.ERROR,
        "An account holds a limited number of files and jobs, and runs few trainings at once.",
        "`ftctl data prune` deletes files that nothing needs; or wait for a running job to end.",
    ),
    "FT2210": Code(
        "The upload took too long",
        Exit.ERROR,
        "The service gives an upload in parts two hours; this one was given up shortly before, and nothing is left of it.",
        "Apply again from a faster connection, or let the service import the file: `url` with `sha256`.",
    ),
    "FT2211": Code(
        "What was imported is not what was asked for",
        Exit.ERROR,
        "The address gave other content than the declared `sha256` is of: it was replaced, or is another file.",
        "Find out which one is right; then correct `url` or `sha256` in a reviewed change.",
    ),
    "FT2212": Code(
        "No room for another file",
        Exit.BLOCKED,
        "An account holds a limited number of files, mostly 100, and all plans that upload one more would fail.",
        "`ftctl data prune` shows files that no dataset and no unfinished job needs, and deletes them when told to.",
    ),
    "FT2213": Code(
        "A named file cannot be used",
        Exit.BLOCKED,
        "`fileId` names a file that somebody uploaded to the account of the dataset, for fine-tuning.",
        "Compare the id with the files of that account, or declare the data with `path` and let ftctl upload it.",
    ),
    "FT2214": Code(
        "The service could not import the file",
        Exit.ERROR,
        "Azure fetches the file itself: the address must be right and open to it, and a signature must not have expired.",
        "Correct `url` or make a new signature, and apply again.",
    ),
    "FT2215": Code(
        "The file is larger than its account takes",
        Exit.DATA,
        "An account says itself how large a training file may be (its capability MaxTrainingFileSize).",
        "Leave examples out, or split the data over jobs that continue one another.",
    ),
}

CODES: dict[str, Code] = {**_SIGN_IN, **_PROFILE, **_WAY, **_ARM, **_DATA}
