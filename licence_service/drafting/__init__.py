"""From a request to the entry it would become: what each act does to the face, the term and the record beside it.

Pure. A draft's version lacks what reserve draws by chance and what sealing gives; `complete` fills these in.
"""

from licence_service.drafting.decisions import DRAFTERS as DECISIONS
from licence_service.drafting.documents import DRAFTERS as DOCUMENTS
from licence_service.drafting.documents import fixed_fields
from licence_service.drafting.draft import Draft, complete
from licence_service.drafting.endorsements import DRAFTERS as ENDORSEMENTS
from licence_service.drafting.faces import checked_face, photo_fields
from licence_service.drafting.first import draft_issue
from licence_service.recording import Situation
from licence_service.requests import ActRequest

__all__ = ["DOCUMENTS", "Draft", "checked_face", "complete", "draft_act", "draft_issue", "fixed_fields", "photo_fields"]

_DRAFTERS = {**DECISIONS, **DOCUMENTS, **ENDORSEMENTS}


def draft_act(at: Situation, request: ActRequest) -> Draft:
    """Draft an act on a licence; the table of acts and states was asked before."""
    return _DRAFTERS[request.act](at, request)
