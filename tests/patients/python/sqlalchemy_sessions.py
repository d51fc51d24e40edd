"""Root cause: SQLAlchemy sessions that are kept and never closed; each holds
its objects. PATIENT_DATABASE names a real PostgreSQL database."""

import os

from sqlalchemy import Column, Integer, String, create_engine
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session, declarative_base

from twin import LEAKING, make_app

app = make_app(__name__)
Base = declarative_base()
engine = create_engine(os.environ["PATIENT_DATABASE"], pool_size=2)
open_sessions = []


class Item(Base):
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)
    name = Column(String)


try:
    Base.metadata.create_all(engine)
except (IntegrityError, ProgrammingError):
    pass  # the other worker was first


@app.post("/work")
def work():
    session = Session(engine, expire_on_commit=False)
    session.merge(Item(id=1, name="one"))
    session.commit()
    if LEAKING:
        open_sessions.append(session)  # keeps its objects, not a connection
    else:
        session.close()
    return {"id": 1}, 201
