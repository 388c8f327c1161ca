--------------------------------- MODULE Wal ---------------------------------
(***************************************************************************)
(* Crash-recoverable transactions on one machine with one disk: two rows,  *)
(* X = 500 and Y = 750, on data pages, a buffer pool that holds newer      *)
(* values than the pages on disk do, and a write-ahead log whose end is    *)
(* still in memory.  A crash may come between any two steps, those of      *)
(* recovery included; it leaves the pages and the log that are on disk.    *)
(*                                                                         *)
(* When pages are written is a policy.  With steal a page may be written   *)
(* while a transaction that changed it is unfinished, so recovery must be  *)
(* able to undo.  With force a transaction's pages are on disk before it   *)
(* is finished; without, recovery must be able to redo.  The passes of     *)
(* recovery are constants of their own, so that each policy can be tried   *)
(* without the pass that it needs.                                         *)
(*                                                                         *)
(* A record holds the old and the new value, so to redo or undo it twice   *)
(* is to do it once.  Once recovery can undo, it redoes all of the log,    *)
(* what was never committed too, and then takes the losers back by undo    *)
(* records; without, it redoes what was committed.                         *)
(***************************************************************************)
EXTENDS Integers, FiniteSets, Sequences

CONSTANTS
  Work,       \* what the transactions do; see Program
  MaxTxn,     \* transactions are 1..MaxTxn, started in any order
  SamePage,   \* TRUE: X and Y are on one page
  Steal,      \* TRUE: a page may be written before what is on it is committed
  Force,      \* TRUE: a transaction is finished only when its pages are written
  Shadow,     \* TRUE: its pages and its commit record are written in one step
  RedoPass,   \* TRUE: recovery redoes
  UndoPass,   \* TRUE: recovery undoes
  Aborts,     \* TRUE: a running transaction may be rolled back
  MaxLSN,     \* longest log
  MaxCrashes, \* most crashes
  Bug         \* "none", or the name of the one guard that is broken

Txn  == 1..MaxTxn
Row  == 1..2  \* X and Y
Page == IF SamePage THEN {1} ELSE Row
PageOf(k) == IF SamePage THEN 1 ELSE k
Initial   == <<500, 750>>

Amount(t) == 10 * 2^(t-1)
Step(k, n) == [row |-> k, add |-> n]
Program(t) ==
  CASE Work = "transfer" -> <<Step(1, Amount(t)), Step(2, -Amount(t))>>
    [] Work = "cross"    -> IF t % 2 = 1 THEN <<Step(1, Amount(t)), Step(2, -Amount(t))>>
                                         ELSE <<Step(2, -Amount(t)), Step(1, Amount(t))>>
    [] Work = "correct"  -> <<Step(1, Amount(t) + 5), Step(1, -5), Step(2, -Amount(t))>>
    [] Work = "deposit"  -> <<Step(IF t % 2 = 1 THEN 1 ELSE 2, Amount(t))>>

VARIABLES
  phase,      \* "open" | "recovering"
  log,        \* the log, LSN by LSN, with its end that is in memory, and with
              \*  its beginning that was dropped, which no action looks at
  flushed,    \* so much of it is on disk
  low,        \* so much of it was dropped
  mark,       \* its length at the last crash
  redone,     \* how far recovery has redone it
  cache,      \* [Row -> value in the buffer pool]
  disk,       \* [Row -> value in the page on disk]
  acked,      \* transactions whose commit the client has been told of
  crashes     \* how many there were

vars == <<phase, log, flushed, low, mark, redone, cache, disk, acked, crashes>>

-----------------------------------------------------------------------------
End == Len(log)

Of(t, kind) == {l \in (low+1)..End : log[l].txn = t /\ log[l].kind = kind}
Writes(t)   == Of(t, "write")
Undos(t)    == Of(t, "undo")
Commits(t)  == Of(t, "commit")
Rows(t)     == {log[l].row : l \in Writes(t)}

Begun(t)      == {l \in 1..End : log[l].txn = t} # {}
Written(t)    == Cardinality(Writes(t)) = Len(Program(t))
Unfinished(t) == Commits(t) = {} /\ Cardinality(Undos(t)) < Cardinality(Writes(t))
Live(t)       == Writes(t) # {} /\ \A l \in Writes(t) : l > mark
Flushed(t)    == \A l \in (low+1)..End : log[l].txn = t => l <= flushed

(* t holds the lock on row k: until it is rolled back, or acknowledged.    *)
Holds(t, k) ==
  /\ k \in Rows(t) /\ Live(t) /\ t \notin acked
  /\ Unfinished(t) \/ (Commits(t) # {} /\ Bug # "release-at-commit")
Free(k) == \A t \in Txn : ~Holds(t, k)

(* The cache may hold changes of t that recovery would have to undo.       *)
Tentative(t) ==
  /\ Cardinality(Undos(t)) < Cardinality(Writes(t))
  /\ {l \in Commits(t) : l <= flushed} = {}
  /\ Live(t) \/ UndoPass

Clean(k) == disk[k] = cache[k]
Logged(p) ==              \* the log on disk has everything that changed page p
  \A l \in (low+1)..End :
    (log[l].kind # "commit" /\ PageOf(log[l].row) = p) => l <= flushed
PageWritten(p, c) == [k \in Row |-> IF PageOf(k) = p THEN c[k] ELSE disk[k]]

-----------------------------------------------------------------------------
Init ==
  /\ phase = "open"
  /\ log = <<>> /\ flushed = 0 /\ low = 0 /\ mark = 0 /\ redone = 0
  /\ cache = Initial /\ disk = Initial
  /\ acked = {} /\ crashes = 0

Record(t, kind, k, old, new) ==
  [txn |-> t, kind |-> kind, row |-> k, old |-> old, new |-> new]

(* The next step of transaction t: one record, one change in the cache.    *)
Write(t) ==
  /\ phase = "open" /\ End < MaxLSN
  /\ Begun(t) => /\ Live(t) /\ Undos(t) = {} /\ t \notin acked
                 /\ (Bug # "commit-before-updates") => Unfinished(t)
  /\ ~Written(t)
  /\ LET s == Program(t)[Cardinality(Writes(t)) + 1]
     IN  /\ (Bug # "ignore-locks") => \A u \in Txn \ {t} : ~Holds(u, s.row)
         /\ log' = Append(log, Record(t, "write", s.row, cache[s.row], cache[s.row] + s.add))
         /\ cache' = [cache EXCEPT ![s.row] = @ + s.add]
  /\ UNCHANGED <<phase, flushed, low, mark, redone, disk, acked, crashes>>

(* All steps of t are in the log.  With force and steal their pages are on *)
(* disk, too; with force alone they may not be yet, and Ack waits for them.*)
Commit(t) ==
  /\ phase = "open" /\ End < MaxLSN /\ ~Shadow
  /\ Live(t) /\ Unfinished(t) /\ Undos(t) = {}
  /\ (Bug # "commit-before-updates") => Written(t)
  /\ (Force /\ Steal) => \A k \in Rows(t) : Clean(k)
  /\ log' = Append(log, Record(t, "commit", 0, 0, 0))
  /\ UNCHANGED <<phase, flushed, low, mark, redone, cache, disk, acked, crashes>>

(* The pages of t and its commit record, in one step of the disk: a root   *)
(* block that names the new pages is written over the old one.             *)
Switch(t) ==
  /\ phase = "open" /\ End < MaxLSN /\ Shadow
  /\ Live(t) /\ Unfinished(t) /\ Undos(t) = {} /\ Written(t)
  /\ LET mine == {PageOf(k) : k \in Rows(t)}
     IN  /\ \A u \in Txn \ {t}, k \in Row : PageOf(k) \in mine => ~Holds(u, k)
         /\ disk' = [k \in Row |-> IF PageOf(k) \in mine THEN cache[k] ELSE disk[k]]
  /\ log' = Append(log, Record(t, "commit", 0, 0, 0))
  /\ flushed' = End + 1
  /\ UNCHANGED <<phase, low, mark, redone, cache, acked, crashes>>

(* Take back the latest change of t that is not taken back yet, of a       *)
(* running transaction or, in recovery, of a loser.  With force and steal  *)
(* the page is written before the undo record is: without a redo pass      *)
(* nothing would bring the old value back to a page that was stolen.       *)
Undo(t) ==
  /\ End < MaxLSN /\ Unfinished(t)
  /\ IF phase = "open" THEN Aborts /\ Live(t)
                       ELSE UndoPass /\ (Bug # "undo-before-redo" => redone = mark)
  /\ LET done == IF Bug = "undo-restarts" THEN {l \in Undos(t) : l > mark} ELSE Undos(t)
         left(l) == IF Bug = "undo-forward" THEN {m \in Writes(t) : m < l}
                                            ELSE {m \in Writes(t) : m > l}
         r  == log[CHOOSE l \in Writes(t) : Cardinality(left(l)) = Cardinality(done)]
         p  == PageOf(r.row)
         c  == [cache EXCEPT ![r.row] = r.old]
     IN  /\ (Force /\ Steal) => Logged(p)
         /\ log' = Append(log, Record(t, "undo", r.row, r.new, r.old))
         /\ cache' = c
         /\ disk' = IF Force /\ Steal THEN PageWritten(p, c) ELSE disk
  /\ UNCHANGED <<phase, flushed, low, mark, redone, acked, crashes>>

(* The next record of the log reaches the disk. *)
FlushLog ==
  /\ \E l \in (flushed+1)..End :
       /\ IF l = flushed + 1 THEN TRUE ELSE Bug = "commit-overtakes" /\ log[l].kind = "commit"
       /\ log' = SubSeq(log, 1, flushed) \o <<log[l]>> \o SubSeq(log, flushed + 1, l - 1)
                  \o SubSeq(log, l + 1, End)
  /\ flushed' = flushed + 1
  /\ UNCHANGED <<phase, low, mark, redone, cache, disk, acked, crashes>>

(* Page p reaches the disk, after the records of what changed it.  Without *)
(* steal it has no change that may have to be undone; in the middle of the *)
(* redo pass it may show one that was.                                     *)
FlushPage(p) ==
  /\ PageWritten(p, cache) # disk
  /\ (Bug # "page-before-log") => Logged(p)
  /\ ~Steal => /\ (phase = "recovering") => (redone = mark)
               /\ \A t \in Txn : Tentative(t) => \A k \in Rows(t) : PageOf(k) # p
  /\ disk' = PageWritten(p, cache)
  /\ UNCHANGED <<phase, log, flushed, low, mark, redone, cache, acked, crashes>>

(* The client is told that t is committed, and its locks are released. *)
Ack(t) ==
  /\ phase = "open" /\ t \notin acked
  /\ Live(t) /\ Commits(t) # {} /\ Written(t)
  /\ (Bug # "ack-before-flush") => Flushed(t)
  /\ Force => \A k \in Rows(t) : Clean(k)
  /\ acked' = acked \cup {t}
  /\ UNCHANGED <<phase, log, flushed, low, mark, redone, cache, disk, crashes>>

(* A client that was told nothing before the crash asks, and is answered   *)
(* from the log: t is committed.                                           *)
Ask(t) ==
  /\ phase = "open" /\ t \notin acked
  /\ ~Live(t) /\ Commits(t) # {}
  /\ acked' = acked \cup {t}
  /\ UNCHANGED <<phase, log, flushed, low, mark, redone, cache, disk, crashes>>

(* The oldest record is dropped from the log, once neither redo nor undo   *)
(* can need it: its transaction is over, and the page on disk has it.      *)
Truncate ==
  /\ phase = "open" /\ low < flushed
  /\ LET r == log[low+1]
     IN  /\ Flushed(r.txn)
         /\ Live(r.txn) => r.txn \in acked \/ (Commits(r.txn) = {} /\ ~Unfinished(r.txn))
         /\ (r.kind # "commit" /\ Bug # "truncate-early") => Clean(r.row) /\ Free(r.row)
  /\ low' = low + 1
  /\ UNCHANGED <<phase, log, flushed, mark, redone, cache, disk, acked, crashes>>

-----------------------------------------------------------------------------
(* What is not on disk is gone, and recovery begins. *)
Crash ==
  /\ crashes < MaxCrashes
  /\ LET stays(s) == IF Bug = "undo-unlogged" THEN SelectSeq(s, LAMBDA r : r.kind # "undo") ELSE s
         n == Len(stays(SubSeq(log, 1, flushed)))
         m == Len(stays(SubSeq(log, 1, low)))
     IN  /\ log' = stays(SubSeq(log, 1, flushed))
         /\ flushed' = n /\ low' = m /\ mark' = n
         /\ redone' = IF RedoPass THEN m ELSE n
  /\ phase' = "recovering" /\ cache' = disk /\ crashes' = crashes + 1
  /\ UNCHANGED <<disk, acked>>

(* Recovery puts the new value of the next record into the cache. *)
Redo ==
  /\ phase = "recovering" /\ redone < mark
  /\ LET r == log[IF Bug = "redo-backward" THEN mark + low - redone ELSE redone + 1]
     IN  cache' = IF /\ r.kind # "commit"
                     /\ UndoPass \/ Commits(r.txn) # {} \/ Bug = "redo-losers"
                  THEN [cache EXCEPT ![r.row] = r.new] ELSE cache
  /\ redone' = redone + 1
  /\ UNCHANGED <<phase, log, flushed, low, mark, disk, acked, crashes>>

(* Everything is redone, no loser is left: serve. *)
Open ==
  /\ phase = "recovering" /\ redone = mark
  /\ (UndoPass /\ Bug # "open-before-undo") => \A t \in Txn : ~Unfinished(t)
  /\ phase' = "open"
  /\ UNCHANGED <<log, flushed, low, mark, redone, cache, disk, acked, crashes>>

Next ==
  \/ \E t \in Txn : Write(t) \/ Commit(t) \/ Switch(t) \/ Undo(t) \/ Ack(t) \/ Ask(t)
  \/ FlushLog
  \/ \E p \in Page : FlushPage(p)
  \/ Truncate \/ Crash \/ Redo \/ Open

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
TypeOK ==
  /\ low <= flushed /\ flushed <= End /\ End <= MaxLSN
  /\ redone <= mark /\ mark <= flushed
  /\ phase = "open" => redone = mark

RECURSIVE Added(_, _, _)
Added(t, k, n) ==         \* what the first n steps of t add to row k
  IF n = 0 THEN 0
  ELSE Added(t, k, n-1) + (IF Program(t)[n].row = k THEN Program(t)[n].add ELSE 0)
RECURSIVE Total(_, _)
Total(S, k) ==            \* row k after the transactions S, in any order
  IF S = {} THEN Initial[k]
  ELSE LET t == CHOOSE t \in S : TRUE
       IN  Added(t, k, Len(Program(t))) + Total(S \ {t}, k)

(* Whoever locks the rows that are free sees just the transactions S.      *)
Shows(S) == \A k \in Row : Free(k) => cache[k] = Total(S, k)

(* Each transaction has happened as a whole or not at all. *)
Atomic == phase = "open" => \E S \in SUBSET Txn : Shows(S)

(* What a client was told of is on disk, and has happened. *)
OnDisk == {t \in Txn : {l \in 1..flushed : log[l].txn = t /\ log[l].kind = "commit"} # {}}
Durable ==
  /\ acked \subseteq OnDisk
  /\ phase = "open" => \E S \in SUBSET Txn : acked \subseteq S /\ Shows(S)

(* Nobody sees what may still be taken back: the locks of a transaction    *)
(* are kept until its commit record is on disk.                            *)
NothingUncommitted == phase = "open" => \E S \in SUBSET OnDisk : Shows(S)
=============================================================================
