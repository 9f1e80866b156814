"""What control must not forget: invitations, operators, who is signed in, the state of the show.

One SQLite file (`{data}/linkup.db`, WAL) behind SQLAlchemy; several processes may have it open at
once, so that `linkup invite` works while the server runs. Migrations run when it is opened.

    store = await linkup.store.open(place.data / "linkup.db")
    await store.save_state("show", b"…")
    await store.close()
"""

from linkup.store.database import Store, database_file, open_store
from linkup.store.records import Invitation, Operator, Session

open = open_store

__all__ = ["Invitation", "Operator", "Session", "Store", "database_file", "open", "open_store"]
