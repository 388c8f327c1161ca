------------------------------- MODULE Reader -------------------------------
(***************************************************************************)
(* Read-only databases on the log stream of one log-structured volume.     *)
(*                                                                         *)
(* The writer sends every log record to the segments, and a copy of it to  *)
(* each reader, with the volume durable LSN (VDL) as it moves.  A reader   *)
(* keeps the pages that it has in its cache fresh from that stream, drops  *)
(* the records of all other pages, and reads those pages from one segment, *)
(* with no quorum and without the writer.  It lags: what it lets a query   *)
(* see is the volume at a point that it has both the records of and the    *)
(* word that they are durable, between two mini-transactions.              *)
(*                                                                         *)
(* A query reads every page at the point at which it began, its snapshot,  *)
(* and is shown the versions that committed by then: a page in the middle  *)
(* of a B-tree's rebalance, or with changes of a transaction that is not   *)
(* committed, is on the segments and in the cache like any other.          *)
(*                                                                         *)
(* Segments drop versions that no instance can ask for any more: below the *)
(* lowest read point in use (PGMRPL), which readers report to the writer.  *)
(*                                                                         *)
(* Any reader may be made the writer.  It cuts the log by what a read      *)
(* quorum of every group holds, never by what it happens to have itself.   *)
(* The readers that are left follow it.  Fencing, and that a cut reaches   *)
(* every segment with its history, are Volume's subject: here a segment is *)
(* as good as its SCL, and a promotion is one step.  A writer that lives   *)
(* on without a quorum can do no more than it had done before, so only the *)
(* newest writes here; but readers that have not heard of the newest go on *)
(* with what the old one sent.  A transaction that its writer left         *)
(* unfinished never commits: hiding it for ever is what its undo comes to. *)
(*                                                                         *)
(* Messages are delayed, and overtake one another, for the same reason as  *)
(* in Volume: a step that one would enable may happen now, later or never. *)
(* The writer learns at once what is durable; were it to learn it later,   *)
(* it would differ in nothing from a reader's being told later.            *)
(*                                                                         *)
(* With Leases, a reader may lose all that it has, by a crash or because   *)
(* it has heard nothing for long, and begins anew where the writer says;   *)
(* and the writer may wait no longer for a reader that is silent, so that  *)
(* what that one reads may be collected, until it has begun anew.          *)
(***************************************************************************)
EXTENDS Integers, FiniteSets, Sequences, TLC

CONSTANTS
  Groups,     \* protection groups are 1..Groups
  Member,     \* each group has one segment for each member
  W, R,       \* write and read quorum, counted in each group
  Pages,      \* pages are 1..Pages
  Reader,     \* read-only databases
  MaxTxn,     \* transactions are 1..MaxTxn and start in that order
  MaxLSN,     \* longest log
  MaxEpoch,   \* most writers, first one included
  Mtr,        \* TRUE: a record may leave its mini-transaction unfinished
  Leases,     \* TRUE: readers lose what they have, and are given up
  Bug         \* "none", or the name of the one guard that is broken

Group == 1..Groups
Page  == 1..Pages
Epoch == 1..MaxEpoch
Txn   == 1..MaxTxn
None  == -1
HomeOf(k) == ((k - 1) % Groups) + 1

VARIABLES
  newest,     \* the epoch of the writer
  log,        \* [Epoch -> the log of the volume as that epoch's writer has
              \*  it, LSN by LSN; each record names the epoch that wrote it]
  base,       \* [Epoch -> how much of that log it kept from before]
  vdl,        \* [Epoch -> volume durable LSN, as its writer left it]
  scl,        \* [Group -> [Member -> segment complete LSN]]
  floor,      \* [Group -> [Member -> the lowest read point that the segment
              \*  still has the versions for]]
  line,       \* [Reader -> the epoch whose log it follows]
  got,        \* [Reader -> the records that have come over the stream, LSN by
              \*  LSN: the epoch of each]
  told,       \* [Reader -> the VDL that it knows of]
  low,        \* [Reader -> the lowest read point that the writer knows of it]
  snap,       \* [Reader -> the point at which its query reads, or None]
  last,       \* [Reader -> the highest point at which a query of it began]
  seen,       \* [Reader -> [Page -> the version of the page that its query
              \*  has read, by the LSN of its newest change, or None]]
  shown,      \* [Reader -> [Page -> the transaction whose change the query
              \*  was shown as the page's newest, 0 for no change, or None]]
  cache,      \* [Reader -> [Page -> the version in its cache, or None]]
  on,         \* [Reader -> it serves; what it has is void otherwise]
  held        \* [Reader -> no writer has given it up since it began]

writer  == <<newest, log, base, vdl>>
storage == <<scl, floor>>
stream  == <<line, got, told, low>>
query   == <<snap, last, seen, shown>>
lease   == <<on, held>>
vars    == <<writer, storage, stream, query, cache, lease>>

-----------------------------------------------------------------------------
Max(S) == CHOOSE x \in S : \A y \in S : y <= x
Min(S) == CHOOSE x \in S : \A y \in S : x <= y
End(e) == Len(log[e])
Newest == log[newest]

(* What follows is about a log lg, a sequence of records.                  *)
UpTo(lg, n)      == 1..Min({n, Len(lg)})
LastCpl(lg, n)   == Max({0} \cup {l \in UpTo(lg, n) : lg[l].last})
LastIn(lg, g, n) == Max({0} \cup {l \in UpTo(lg, n) : HomeOf(lg[l].page) = g})
Writes(lg, t)    == {l \in 1..Len(lg) : lg[l].txn = t /\ lg[l].kind = "write"}
CommitBy(lg, t, n) ==     \* t has its commit at or below n
  {l \in UpTo(lg, n) : lg[l].txn = t /\ lg[l].kind = "commit"} # {}
Changes(lg, k, m, n) ==   \* of page k, above m and up to n
  {l \in UpTo(lg, n) : l > m /\ lg[l].page = k /\ lg[l].kind = "write"}
Version(lg, k, n) == Max({0} \cup Changes(lg, k, 0, n))
TxnAt(lg, S) == IF S = {} THEN 0 ELSE lg[Max(S)].txn
Value(lg, k, n) ==        \* what had been committed to page k by n
  TxnAt(lg, {l \in Changes(lg, k, 0, n) : CommitBy(lg, lg[l].txn, n)})

(* With the segments complete up to sc: the highest CPL to which every     *)
(* record is on a write quorum of its group.                               *)
Durable(lg, sc) ==
  LastCpl(lg, Max({n \in 0..Len(lg) : \A l \in 1..n :
    Cardinality({m \in Member : sc[HomeOf(lg[l].page)][m] >= l}) >= W}))

(* The writer's transactions: one that an older writer left is not its own.*)
Own(t)     == \A l \in Writes(Newest, t) : Newest[l].epoch = newest
Active(t)  == Writes(Newest, t) # {} /\ ~CommitBy(Newest, t, Len(Newest))
Started(t) == {e \in Epoch : Writes(log[e], t) # {}} # {}
Locks(t)   == {Newest[l].page : l \in Writes(Newest, t)}
Settled    == IF Newest = <<>> THEN TRUE ELSE Newest[Len(Newest)].last

(* A reader's records, and the point up to which it lets them be seen:     *)
(* SIGMOD 2017, section 4.2.4.                                             *)
Had(g) == [l \in 1..Len(g) |-> log[g[l]][l]]
ViewOf(g, t) ==
  CASE Bug = "apply-beyond-vdl" -> LastCpl(Had(g), MaxLSN)
    [] Bug = "view-inside-mtr"  -> Min({Len(g), t})
    [] OTHER                    -> LastCpl(Had(g), t)
View(r)   == ViewOf(got[r], told[r])
Lowest(r) == IF snap[r] # None THEN snap[r] ELSE View(r)

-----------------------------------------------------------------------------
Init ==
  /\ newest = 1
  /\ log   = [e \in Epoch |-> <<>>]
  /\ base  = [e \in Epoch |-> 0]
  /\ vdl   = [e \in Epoch |-> 0]
  /\ scl   = [g \in Group |-> [m \in Member |-> 0]]
  /\ floor = [g \in Group |-> [m \in Member |-> 0]]
  /\ line  = [r \in Reader |-> 1]
  /\ got   = [r \in Reader |-> <<>>]
  /\ told  = [r \in Reader |-> 0]
  /\ low   = [r \in Reader |-> 0]
  /\ snap  = [r \in Reader |-> None]
  /\ last  = [r \in Reader |-> 0]
  /\ seen  = [r \in Reader |-> [k \in Page |-> None]]
  /\ shown = [r \in Reader |-> [k \in Page |-> None]]
  /\ cache = [r \in Reader |-> [k \in Page |-> None]]
  /\ on    = [r \in Reader |-> TRUE]
  /\ held  = [r \in Reader |-> TRUE]

Issue(kind, t, k, cpl) ==
  /\ log' = [log EXCEPT ![newest] = Append(@,
       [epoch |-> newest, kind |-> kind, txn |-> t, page |-> k, last |-> cpl])]
  /\ UNCHANGED <<newest, base, vdl, storage, stream, query, cache>>

(* The writer changes page k for transaction t. *)
Write(t, k) ==
  /\ Len(Newest) < MaxLSN
  /\ IF Started(t) THEN Active(t) /\ Own(t)
                   ELSE \A u \in 1..(t-1) : Started(u)
  /\ \A u \in Txn : IF Active(u) /\ Own(u) THEN k \notin Locks(u) ELSE TRUE
  /\ IF Settled THEN TRUE ELSE Newest[Len(Newest)].txn = t
  /\ \E cpl \in (IF Mtr THEN BOOLEAN ELSE {TRUE}) : Issue("write", t, k, cpl)

(* The commit record of t lives where the first change of t does.          *)
Commit(t) ==
  /\ Len(Newest) < MaxLSN /\ Settled
  /\ Active(t) /\ Own(t)
  /\ Issue("commit", t, Newest[Min(Writes(Newest, t))].page, TRUE)

(* The segment of member m in group g makes the next record of its group   *)
(* durable; the writer's VDL moves when that completes a write quorum.     *)
Store(g, m) ==
  LET next == {l \in 1..Len(Newest) : HomeOf(Newest[l].page) = g /\ l > scl[g][m]}
  IN  /\ next # {}
      /\ scl' = [scl EXCEPT ![g][m] = Min(next)]
      /\ vdl' = [vdl EXCEPT ![newest] = Durable(Newest, scl')]
      /\ UNCHANGED <<newest, log, base, floor, stream, query, cache>>

(* Reader r now has the records g and knows of the VDL t.  Mini-transaction*)
(* by mini-transaction, what comes into view is applied to the pages that  *)
(* it caches, and dropped for all others.                                  *)
Learn(r, g, t) ==
  /\ got'   = [got  EXCEPT ![r] = g]
  /\ told'  = [told EXCEPT ![r] = t]
  /\ cache' = [cache EXCEPT ![r] = [k \in Page |->
       IF @[k] = None THEN None
       ELSE Max({@[k]} \cup Changes(Had(g), k, View(r), ViewOf(g, t)))]]
  /\ UNCHANGED <<writer, storage, line, low, query>>

(* The next record comes over the stream. *)
Deliver(r) ==
  /\ Len(got[r]) < End(line[r])
  /\ Learn(r, Append(got[r], log[line[r]][Len(got[r]) + 1].epoch), told[r])

(* The word comes that all up to n is durable.  It may have been sent long *)
(* ago, and be overtaken.                                                  *)
Tell(r, n) ==
  /\ n <= vdl[line[r]]
  /\ IF Bug = "vdl-goes-back" THEN n # told[r] ELSE n > told[r]
  /\ n = LastCpl(log[line[r]], n)
  /\ Learn(r, got[r], n)

(* A query begins: its snapshot is what the reader has in view.            *)
Begin(r) ==
  /\ snap[r] = None
  /\ snap' = [snap EXCEPT ![r] = View(r)]
  /\ last' = [last EXCEPT ![r] = Max({@, View(r)})]
  /\ UNCHANGED <<writer, storage, stream, seen, shown, cache>>

(* The query has read version v of page k, made by the records of lg.  Of  *)
(* the changes in it, it is shown the newest that had its commit by the    *)
(* snapshot, by what the stream has told of commits.                       *)
Read(r, k, v, lg) ==
  LET n == IF Bug = "commit-by-arrival" THEN Len(got[r]) ELSE snap[r]
  IN  /\ seen'  = [seen  EXCEPT ![r][k] = v]
      /\ shown' = [shown EXCEPT ![r][k] = TxnAt(lg, {l \in Changes(lg, k, 0, v) :
           Bug = "show-uncommitted" \/ CommitBy(Had(got[r]), lg[l].txn, n)})]
      /\ UNCHANGED <<writer, storage, stream, snap, last>>

(* The page is cached, and no change since the snapshot is in it.          *)
Fits(r, k) ==
  /\ cache[r][k] # None
  /\ cache[r][k] <= snap[r] \/ Bug = "cache-past-snapshot"
ReadCached(r, k) ==
  /\ snap[r] # None /\ seen[r][k] = None
  /\ IF Fits(r, k) THEN TRUE ELSE FALSE
  /\ Read(r, k, cache[r][k], Had(got[r]))
  /\ UNCHANGED cache

(* The segment of member m answers with the page as of the snapshot.  It   *)
(* need not reach the snapshot itself, only the last record of its group   *)
(* there.  What came into view while the answer was on its way is applied  *)
(* to the page before it is cached.                                        *)
ReadStored(r, k, m) ==
  LET g    == HomeOf(k)
      need == LastIn(Newest, g, snap[r])
      upto == CASE Bug = "newest-from-segment" -> scl[g][m]
                [] OTHER                       -> Min({snap[r], scl[g][m]})
      v    == Version(Newest, k, upto)
      since == IF Bug = "drop-in-flight" THEN {}
               ELSE Changes(Had(got[r]), k, snap[r], View(r))
  IN  /\ snap[r] # None /\ seen[r][k] = None
      /\ IF Fits(r, k) THEN FALSE ELSE TRUE
      /\ IF Bug = "lagging-segment" THEN TRUE ELSE scl[g][m] >= need
      /\ floor[g][m] <= snap[r]
      /\ Read(r, k, v, Newest)
      /\ cache' = [cache EXCEPT ![r][k] =
           IF @ = None THEN Max({v} \cup since) ELSE @]

(* The query ends. *)
Finish(r) ==
  /\ snap[r] # None
  /\ snap'  = [snap  EXCEPT ![r] = None]
  /\ seen'  = [seen  EXCEPT ![r] = [k \in Page |-> None]]
  /\ shown' = [shown EXCEPT ![r] = [k \in Page |-> None]]
  /\ UNCHANGED <<writer, storage, stream, last, cache>>

(* The writer hears of the lowest point at which r reads, or will.  With   *)
(* Leases, what it hears may have been sent long ago.                      *)
Report(r) ==
  LET m == CASE Bug = "report-view" -> View(r)
             [] Bug = "report-told" -> IF snap[r] # None THEN snap[r] ELSE told[r]
             [] OTHER               -> Lowest(r)
  IN  /\ line[r] = newest /\ m > low[r]
      /\ \E n \in (IF Leases THEN low[r]+1..m ELSE {m}) :
           low' = [low EXCEPT ![r] = n]
      /\ UNCHANGED <<writer, storage, line, got, told, query, cache>>

(* A segment hears of the PGMRPL and drops what only lower points need.    *)
(* SIGMOD 2017, section 4.2.3.                                             *)
Collect(g, m) ==
  LET n == IF Bug = "collect-at-vdl" THEN vdl[newest] ELSE Min({low[r] : r \in Reader})
  IN  /\ n > floor[g][m]
      /\ floor' = [floor EXCEPT ![g][m] = n]
      /\ UNCHANGED <<writer, scl, stream, query, cache>>

-----------------------------------------------------------------------------
(* What the segments Q would let a new writer recover.                     *)
IsReadQuorum(Q) == \A g \in Group : Cardinality({s \in Q : s[1] = g}) >= R
FirstGap(Q) == Max({n \in 0..Len(Newest) : \A l \in 1..n :
  {s \in Q : s[1] = HomeOf(Newest[l].page) /\ scl[s[1]][s[2]] >= l} # {}})

(* Reader r is made the writer.  It keeps no page: its cache is as far     *)
(* behind as it was itself.  It has yet to hear from every reader before   *)
(* it may let the segments drop anything.                                  *)
Promote(r, Q) ==
  LET e   == newest + 1
      cut == IF Bug = "promote-at-view" THEN Min({View(r), Len(Newest)})
             ELSE LastCpl(Newest, FirstGap(Q))
      lg  == SubSeq(Newest, 1, cut)
      sc  == [g \in Group |-> [m \in Member |-> LastIn(lg, g, Min({scl[g][m], cut}))]]
  IN  /\ newest < MaxEpoch /\ IsReadQuorum(Q)
      /\ newest' = e
      /\ log'   = [log  EXCEPT ![e] = lg]
      /\ base'  = [base EXCEPT ![e] = cut]
      /\ scl'   = sc
      /\ vdl'   = [vdl  EXCEPT ![e] = Durable(lg, sc)]
      /\ line'  = [line EXCEPT ![r] = e]
      /\ got'   = [got  EXCEPT ![r] = [l \in 1..cut |-> lg[l].epoch]]
      /\ told'  = [told EXCEPT ![r] = Max({@, Durable(lg, sc)})]
      /\ low'   = [i \in Reader |->
           IF Bug = "promote-forgets-readers" THEN Durable(lg, sc) ELSE 0]
      /\ cache' = IF Bug = "promote-keeps-cache" THEN cache
                  ELSE [cache EXCEPT ![r] = [k \in Page |-> None]]
      /\ UNCHANGED <<floor, query>>

(* Reader r follows the newest writer, and drops what is not on its log.   *)
(* With Leases, it may hear of the writers one after the other.            *)
Follow(r) ==
  \E e \in (IF Leases THEN line[r]+1..newest ELSE {newest}) :
  LET same == {n \in 0..Min({Len(got[r]), End(e)}) :
                 \A l \in 1..n : got[r][l] = log[e][l].epoch}
  IN  /\ line[r] < newest
      /\ line' = [line EXCEPT ![r] = e]
      /\ got'  = IF Bug = "follow-keeps-tail" THEN got
                 ELSE [got EXCEPT ![r] = SubSeq(@, 1, Max(same))]
      /\ UNCHANGED <<writer, storage, told, low, query, cache>>

(* What reader r has is void, its query too: it began again, or has heard  *)
(* nothing for so long that it may have been given up.                     *)
Lose(r) ==
  /\ on[r]
  /\ on'    = [on    EXCEPT ![r] = FALSE]
  /\ snap'  = [snap  EXCEPT ![r] = None]
  /\ seen'  = [seen  EXCEPT ![r] = [k \in Page |-> None]]
  /\ shown' = [shown EXCEPT ![r] = [k \in Page |-> None]]
  /\ cache' = IF Bug = "anew-keeps-cache" THEN cache
              ELSE [cache EXCEPT ![r] = [k \in Page |-> None]]
  /\ UNCHANGED <<writer, storage, stream, last, held>>

(* The writer waits no longer for reader r: nothing is held back for it    *)
(* that is not for the writer itself.                                      *)
GiveUp(r) ==
  /\ \E n \in low[r]..vdl[newest] :
       /\ IF held[r] THEN TRUE ELSE n > low[r]
       /\ low' = [low EXCEPT ![r] = n]
  /\ held' = [held EXCEPT ![r] = (Bug = "given-up-is-held")]
  /\ UNCHANGED <<writer, storage, line, got, told, query, cache, on>>

(* Reader r begins anew, at what the newest writer has durable.            *)
Anew(r) ==
  LET t == Max({told[r], vdl[newest]})
  IN  /\ ~on[r]
      /\ \E n \in t..Len(Newest) :
           got' = [got EXCEPT ![r] = [l \in 1..n |-> Newest[l].epoch]]
      /\ line' = [line EXCEPT ![r] = newest]
      /\ told' = [told EXCEPT ![r] = t]
      /\ on'   = [on   EXCEPT ![r] = TRUE]
      /\ held' = [held EXCEPT ![r] = TRUE]
      /\ UNCHANGED <<writer, storage, low, query, cache>>

Step ==
  \/ \E t \in Txn, k \in Page : Write(t, k)
  \/ \E t \in Txn : Commit(t)
  \/ \E g \in Group, m \in Member : Store(g, m)
  \/ \E r \in Reader : on[r] /\ Deliver(r)
  \/ \E r \in Reader, n \in 1..MaxLSN : on[r] /\ Tell(r, n)
  \/ \E r \in Reader : on[r] /\ Begin(r)
  \/ \E r \in Reader, k \in Page : on[r] /\ ReadCached(r, k)
  \/ \E r \in Reader, k \in Page, m \in Member : on[r] /\ ReadStored(r, k, m)
  \/ \E r \in Reader : on[r] /\ Finish(r)
  \/ \E r \in Reader : on[r] /\ Report(r)
  \/ \E g \in Group, m \in Member : Collect(g, m)
  \/ \E r \in Reader, Q \in SUBSET (Group \X Member) : on[r] /\ Promote(r, Q)
  \/ \E r \in Reader : on[r] /\ Follow(r)

Next ==
  \/ Step /\ UNCHANGED lease
  \/ Leases /\ \E r \in Reader : Lose(r)
  \/ Leases /\ \E r \in Reader : GiveUp(r)
  \/ Leases /\ \E r \in Reader : Anew(r)

Spec == Init /\ [][Next]_vars

(* Readers are interchangeable, and so are members, in all groups alike.   *)
Symmetry == {p @@ q : p \in Permutations(Reader), q \in Permutations(Member)}

-----------------------------------------------------------------------------
TypeOK ==
  /\ newest \in Epoch
  /\ \A e \in Epoch : base[e] <= End(e) /\ vdl[e] <= End(e)
  /\ \A e \in Epoch : \A l \in 1..End(e) : (log[e][l].epoch = e) <=> (l > base[e])
  /\ \A r \in Reader : line[r] <= newest /\ Len(got[r]) <= MaxLSN

(* Nothing uncommitted is seen: what a query is shown was written by a     *)
(* transaction whose commit is durable.                                    *)
NothingUncommitted ==
  \A r \in Reader, k \in Page : shown[r][k] > 0 =>
    CommitBy(log[line[r]], shown[r][k], vdl[line[r]])

(* No mini-transaction is split: the pages that a query has read are the   *)
(* volume as it was at one point between two mini-transactions.            *)
NoSplit ==
  \A r \in Reader :
    \E n \in {0} \cup {l \in 1..Len(Newest) : Newest[l].last} :
      \A k \in Page : seen[r][k] # None => seen[r][k] = Version(Newest, k, n)

(* A query is shown all of each transaction that had committed by its      *)
(* snapshot, and nothing of any other.                                     *)
WholeSnapshot ==
  \A r \in Reader, k \in Page :
    shown[r][k] # None => shown[r][k] = Value(Newest, k, snap[r])

(* Snapshots never go back: what a reader has in view, and what any writer *)
(* has kept since, contains every snapshot that a query of it was given.   *)
NeverBack ==
  \A r \in Reader : on[r] =>
    /\ last[r] <= View(r)
    /\ \A e \in line[r]+1..newest : last[r] <= base[e]

(* No version that is needed is collected: every segment has the pages as  *)
(* of every point at which a query reads, or the next one will.            *)
NeededIsKept ==
  \A r \in Reader, g \in Group, m \in Member :
    on[r] /\ held[r] => floor[g][m] <= Lowest(r)

(* No promotion has taken away what was durable, and so acknowledged.      *)
NothingLost ==
  \A d, e \in 1..newest : d < e => vdl[d] <= base[e]
=============================================================================
