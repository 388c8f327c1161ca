/*
 * Six replicas and a log of three records: the writer sends each record to all, in any order; it counts a record as durable
 * when four of them have it; one replica at a time may be down. The same model is peer in bench_test.go, so that SPIN and
 * this package search the same states.
 */
#define LAST   3
#define QUORUM 4

byte store[6]; /* which records a replica has, a bit for each */
byte lsn;      /* the last record written */
byte vcl;      /* all records up to this one are durable */
byte down;     /* the replica that is down, counted from 1; 0 for none */

#define HAS(r, l) ((store[r] >> (l)) & 1)
#define COPIES(l) (HAS(0, l) + HAS(1, l) + HAS(2, l) + HAS(3, l) + HAS(4, l) + HAS(5, l))

#define STORE(r, l) \
	:: d_step { down != r + 1 && l < lsn && !HAS(r, l) -> \
		store[r] = store[r] | (1 << l); assert(vcl <= lsn && (vcl == 0 || COPIES(vcl - 1) >= QUORUM)) }
#define CRASH(r) \
	:: d_step { down == 0 -> down = r + 1; assert(vcl <= lsn && (vcl == 0 || COPIES(vcl - 1) >= QUORUM)) }

active proctype volume() {
	do
	:: d_step { lsn < LAST -> lsn++ ; assert(vcl <= lsn && (vcl == 0 || COPIES(vcl - 1) >= QUORUM)) }
	STORE(0, 0) STORE(0, 1) STORE(0, 2)
	STORE(1, 0) STORE(1, 1) STORE(1, 2)
	STORE(2, 0) STORE(2, 1) STORE(2, 2)
	STORE(3, 0) STORE(3, 1) STORE(3, 2)
	STORE(4, 0) STORE(4, 1) STORE(4, 2)
	STORE(5, 0) STORE(5, 1) STORE(5, 2)
	:: d_step { vcl < lsn && COPIES(vcl) >= QUORUM -> vcl++ ; assert(vcl <= lsn && COPIES(vcl - 1) >= QUORUM) }
	CRASH(0) CRASH(1) CRASH(2) CRASH(3) CRASH(4) CRASH(5)
	:: d_step { down != 0 -> down = 0; assert(vcl <= lsn && (vcl == 0 || COPIES(vcl - 1) >= QUORUM)) }
	od
}
