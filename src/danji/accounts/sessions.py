"""Sessions in the database, as Django keeps them, looked up with a query made once."""

from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from danji.base.prepared import Prepared

_of_key: Prepared[Session] = Prepared(lambda key: Session.objects.filter(session_key=key), str)


class SessionStore(DatabaseStore):
    def _get_session_from_db(self) -> Any:
        for session in _of_key(self.session_key):
            if session.expire_date > timezone.now():
                return session
        self._session_key = None
        return None
