------------------------------ MODULE Placement ------------------------------
(***************************************************************************)
(* Where the replicas of one protection group are placed, and which        *)
(* failures its quorums survive.  Replicas live on hosts, hosts in AZs.    *)
(* Any set of replicas may be out at any moment, so all 2^N sets of        *)
(* failures are reached, one replica, one host or one AZ at a time.        *)
(*                                                                         *)
(* A failure that is detected costs no more than an answer: the replica is *)
(* down and may return with its disk, or its disk is lost and it votes     *)
(* again only when it has been rebuilt from a read quorum.  A replica that *)
(* is merely slow is down here, and returns.  A silent failure is another  *)
(* matter: the replica forgets, and votes on as if it had not.             *)
(*                                                                         *)
(* A full segment has pages and records, a tail has records only           *)
(* (SIGMOD 2018, 4.2).  In a design without tails every replica is full.   *)
(*                                                                         *)
(* The writer sends record after record to all replicas and waits for a    *)
(* write quorum.  The order of records in a log, the fencing of writers    *)
(* and the change of members are the business of other modules.            *)
(***************************************************************************)
EXTENDS Integers, FiniteSets, TLC

CONSTANTS
  Azs,        \* the AZs, each as the set of its replicas; replicas are numbers
  Hosts,      \* the hosts likewise; each is within one AZ
  Full,       \* the replicas that have pages
  W, WFull,   \* a write quorum: W replicas, or WFull full ones (0: no such way)
  R, RFull,   \* a read quorum: R replicas, RFull of them at least being full
  MaxLSN,     \* records are 1..MaxLSN
  MaxSilent,  \* most replicas that hold less than they have acknowledged
  Promise,    \* what the design claims, of {"az-writes", "az-reads", "az-data",
              \*  "az+1-reads", "az+1-data"}; Durable is claimed by every one
  WritesIn, ReadsIn, DataIn, SilentIn,
              \* in how many sets of failures it claims to keep writes, reads
              \*  and data, and how many sets may forget; 0 where it does not say
  Bug         \* "none", or the name of the one guard that is broken

Replica == UNION Azs
LSN     == 1..MaxLSN

VARIABLES
  status,     \* [Replica -> "up" | "down" | "lost"]
  store,      \* [Replica -> the records on its disk]
  told,       \* [Replica -> the records that the writer counts it for]
  acked       \* the records 1..acked are acknowledged to the client

vars == <<status, store, told, acked>>

-----------------------------------------------------------------------------
IsWrite(Q) ==
  LET short == IF Bug = "short-write-quorum" THEN 1 ELSE 0
  IN  \/ Cardinality(Q) >= W - short
      \/ WFull > 0 /\ Cardinality(Q \cap Full) >= WFull - short
IsRead(Q) ==
  /\ Cardinality(Q) >= R - (IF Bug = "short-read-quorum" THEN 1 ELSE 0)
  /\ Cardinality(Q \cap Full) >= RFull \/ Bug = "read-without-full"

(* Written as sets and not as conditions, because TLC takes each side of a *)
(* disjunction for a step of its own.                                      *)
WriteSets == {Q \in SUBSET Replica : IsWrite(Q)}
ReadSets  == {Q \in SUBSET Replica : IsRead(Q)}

Up     == {r \in Replica : status[r] = "up"}
Intact == {r \in Replica : status[r] # "lost"}
Liars  == {r \in Replica : store[r] # told[r]}
Told(l)  == {r \in Replica : l \in told[r]}
Found(Q) == UNION {store[r] : r \in Q}

(* Of all sets of failures: those that leave a write quorum, those that    *)
(* leave a read quorum, and those that, with their disks lost, leave a     *)
(* copy of whatever a write quorum has, and of the page; and the sets of   *)
(* replicas that may forget, because all quorums meet elsewhere, too.      *)
KeepsWrites == {D \in SUBSET Replica : Replica \ D \in WriteSets}
KeepsReads  == {D \in SUBSET Replica : Replica \ D \in ReadSets}
KeepsData   == {D \in SUBSET Replica : D \notin WriteSets /\ ~(Full \subseteq D)}
Harmless    == {F \in SUBSET Replica :
                  \A P \in WriteSets, Q \in ReadSets : (P \cap Q) \ F # {}}

-----------------------------------------------------------------------------
Init ==
  /\ status = [r \in Replica |-> "up"]
  /\ store  = [r \in Replica |-> {}]
  /\ told   = [r \in Replica |-> {}]
  /\ acked  = 0

(* Replica r makes record l durable and acknowledges it.  The writer sends *)
(* a record once those before it are acknowledged; stragglers may still    *)
(* come.                                                                   *)
Store(r, l) ==
  /\ status[r] = "up" /\ l <= acked + 1 /\ l \notin told[r]
  /\ store' = [store EXCEPT ![r] = @ \cup {l}]
  /\ told'  = [told  EXCEPT ![r] = @ \cup {l}]
  /\ UNCHANGED <<status, acked>>

(* The client is told that the next record is durable.  An acknowledgement *)
(* still counts when its replica is down by now: the disk is intact.       *)
Ack ==
  /\ acked < MaxLSN /\ Told(acked + 1) \in WriteSets
  /\ acked' = acked + 1
  /\ UNCHANGED <<status, store, told>>

Down(D) ==
  /\ D \cap Up # {}
  /\ status' = [r \in Replica |-> IF r \in D \cap Up THEN "down" ELSE status[r]]
  /\ UNCHANGED <<store, told, acked>>
Fail(h)   == Down(h)      \* host h no longer answers
FailAz(A) == Down(A)      \* nor does anything in A

(* r answers again, with the disk it had.                                  *)
Return(r) ==
  /\ status[r] = "down" \/ (Bug = "rejoin-empty" /\ status[r] = "lost")
  /\ status' = [status EXCEPT ![r] = "up"]
  /\ UNCHANGED <<store, told, acked>>

(* The disk of r is lost, and that is known; so ends, too, a replica in    *)
(* which a scrub finds what it has forgotten.  It counts for nothing until *)
(* it is rebuilt.                                                          *)
Lose(r) ==
  /\ status[r] # "lost"
  /\ status' = [status EXCEPT ![r] = "lost"]
  /\ store'  = [store  EXCEPT ![r] = {}]
  /\ told'   = IF Bug = "former-acks" THEN told ELSE [told EXCEPT ![r] = {}]
  /\ UNCHANGED acked

(* A new replica in the place of r is filled from the read quorum Q.       *)
(* Without one there is nothing to fill it from: what is acknowledged may  *)
(* be on none of those that are left.                                      *)
Rebuild(r, Q) ==
  /\ status[r] = "lost"
  /\ IF Bug = "rebuild-from-one" THEN Cardinality(Q) = 1 ELSE Q \in ReadSets
  /\ status' = [status EXCEPT ![r] = "up"]
  /\ store'  = [store  EXCEPT ![r] = Found(Q)]
  /\ told'   = [told   EXCEPT ![r] = (IF Bug = "former-acks" THEN @ ELSE {}) \cup Found(Q)]
  /\ UNCHANGED acked

(* r comes back without what it had, and does not say so.                  *)
Forget(r) ==
  /\ status[r] = "up" /\ store[r] # {}
  /\ Cardinality(Liars \cup {r}) <= MaxSilent
  /\ store' = [store EXCEPT ![r] = {}]
  /\ UNCHANGED <<status, told, acked>>

Next ==
  \/ \E r \in Replica, l \in LSN : Store(r, l)
  \/ Ack
  \/ \E h \in Hosts : Fail(h)
  \/ \E A \in Azs : FailAz(A)
  \/ \E r \in Replica : Return(r) \/ Lose(r)
  \/ \E r \in Replica : \E Q \in SUBSET Up : Rebuild(r, Q)
  \/ \E r \in Replica : Forget(r)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* Replicas are interchangeable by whatever maps AZs to AZs, hosts to      *)
(* hosts and full segments to full segments.  As a VIEW, Orbit makes one   *)
(* state of those that differ in nothing else.                             *)
Sym == {p \in Permutations(Replica) :
          /\ \A A \in Azs   : {p[r] : r \in A} \in Azs
          /\ \A h \in Hosts : {p[r] : r \in h} \in Hosts
          /\ {p[r] : r \in Full} = Full}
Orbit == {<<[r \in Replica |-> status[p[r]]], [r \in Replica |-> store[p[r]]],
            [r \in Replica |-> told[p[r]]], acked>> : p \in Sym}

-----------------------------------------------------------------------------
TypeOK ==
  /\ acked \in 0..MaxLSN
  /\ \A r \in Replica :
       /\ store[r] \subseteq told[r] /\ told[r] \subseteq LSN \cap 1..(acked + 1)
       /\ status[r] = "lost" => store[r] = {}

(* Whichever read quorum answers, of all disks that are left, it has every *)
(* acknowledged record, and the page that the records change.              *)
Durable ==
  acked > 0 => \A Q \in SUBSET Intact : Q \in ReadSets =>
                 1..acked \subseteq Found(Q) /\ Q \cap Full # {}

(* What the design claims to survive: an AZ, or an AZ and one more host.   *)
Within(D, more) == \E A \in Azs : \E h \in more : D \subseteq A \cup h
OutIn(more)  == Within(Replica \ Up, more)
LostIn(more) == Within(Replica \ Intact, more)
Kept         ==
  acked > 0 => 1..acked \subseteq Found(Replica) /\ Intact \cap Full # {}

AzKeepsWrites       == ("az-writes"  \in Promise /\ OutIn({{}}))   => Up \in WriteSets
AzKeepsReads        == ("az-reads"   \in Promise /\ OutIn({{}}))   => Up \in ReadSets
AzKeepsData         == ("az-data"    \in Promise /\ LostIn({{}}))  => Kept
AzPlusOneKeepsReads == ("az+1-reads" \in Promise /\ OutIn(Hosts))  => Up \in ReadSets
AzPlusOneKeepsData  == ("az+1-data"  \in Promise /\ LostIn(Hosts)) => Kept

(* The figures that the design claims are those of its quorums.  They are  *)
(* the same in every state, so it is enough to ask where something is      *)
(* acknowledged.                                                           *)
Counted ==
  acked > 0 =>
    /\ WritesIn \in {0, Cardinality(KeepsWrites)}
    /\ ReadsIn  \in {0, Cardinality(KeepsReads)}
    /\ DataIn   \in {0, Cardinality(KeepsData)}
    /\ SilentIn \in {0, Cardinality(Harmless)}
=============================================================================
