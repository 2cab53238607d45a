"""The owner of everything; there is one by default."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from voipbin_sip.resources.base import NO_UUID, Resource
from voipbin_sip.resources.kinds.fields import Id
from voipbin_sip.resources.stamps import Stamp

WebhookMethod = Literal["", "POST", "GET", "PUT", "DELETE"]


class CustomerMetadata(BaseModel):
    """Switches of a customer."""

    model_config = ConfigDict(frozen=True)

    rtp_debug: bool = False


class Customer(Resource):
    """Who the events go to."""

    kind: ClassVar[str] = "customer"

    name: str = ""
    detail: str = ""
    email: str = ""
    phone_number: str = ""
    address: str = ""
    webhook_method: WebhookMethod = ""
    webhook_uri: str = ""
    billing_account_id: Id = NO_UUID
    metadata: CustomerMetadata = CustomerMetadata()
    email_verified: bool = True
    status: Literal["initial", "active", "frozen", "deleted", "expired"] = "active"
    identity_verification_status: Literal["none", "pending", "verified", "rejected"] = "verified"
    tm_deletion_scheduled: Stamp | None = None


class StoredCustomer(Customer):
    """A customer as it is kept."""

    hidden: ClassVar[frozenset[str]] = frozenset({"webhook_secret"})

    webhook_secret: str = ""  # sealed
