"""`/customer`: whose server this is, and where its events go."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator

from voipbin_sip.api.auth import Administering, Asking, With
from voipbin_sip.api.routes.body import Body, Switch, Text
from voipbin_sip.resources.kinds.customer import Customer, CustomerMetadata, StoredCustomer, WebhookMethod
from voipbin_sip.resources.kinds.fields import Id
from voipbin_sip.webhook_settings import web_address

router = APIRouter(prefix="/customer", tags=["customer"])


WebAddress = Annotated[Text, AfterValidator(web_address)]


class CustomerBody(Body):
    """What may change."""

    name: Text = ""
    detail: Text = ""
    email: Text = ""
    phone_number: Text = ""
    address: Text = ""
    webhook_method: WebhookMethod = ""
    webhook_uri: WebAddress = ""
    # Ours: what webhooks are signed with; never shown again. An empty one: they are not signed.
    webhook_secret: Text = ""


class MetadataBody(Body):
    """Switches."""

    rtp_debug: Switch = False


class BillingAccount(Body):
    """An account; kept for clients that set one, nothing is billed."""

    billing_account_id: Id


@router.get("", response_model=Customer)
async def get_customer(found: With, who: Asking) -> StoredCustomer:
    """Return the customer."""
    return found.customers.get(who.customer_id)


@router.put("", response_model=Customer)
async def update_customer(found: With, who: Administering, body: CustomerBody) -> StoredCustomer:
    """Change the customer."""
    return await found.customers.update(who.customer_id, **body.given())


@router.put("/metadata", response_model=Customer)
async def update_customer_metadata(found: With, who: Administering, body: MetadataBody) -> StoredCustomer:
    """Change the customer's switches."""
    return await found.customers.update(who.customer_id, metadata=CustomerMetadata(**body.given()))


@router.put("/billing_account_id", response_model=Customer)
async def update_billing_account(found: With, who: Administering, body: BillingAccount) -> StoredCustomer:
    """Change the customer's account."""
    return await found.customers.update(who.customer_id, billing_account_id=body.billing_account_id)
