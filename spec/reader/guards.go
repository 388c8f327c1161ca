package reader

// A Refusal is the guard that forbade a step, in the module's words. It is empty when the step was taken.
type Refusal string

// The guards, and the effects that a step which is told must have had. Those that speak of on are with Leases.
const (
	NoReader     Refusal = `r \in Reader`
	NothingMore  Refusal = `Len(got[r]) < End(line[r])`
	NotDurable   Refusal = `n <= vdl[line[r]]`
	NotNewer     Refusal = `n > told[r]`
	NoCPL        Refusal = `n = LastCpl(log[line[r]], n)`
	NoQuery      Refusal = `snap[r] # None`
	OtherPoint   Refusal = `snap' = [snap EXCEPT ![r] = View(r)]`
	Unfit        Refusal = `IF Fits(r, k) THEN TRUE ELSE FALSE`
	OtherVersion Refusal = `seen' = [seen EXCEPT ![r][k] = v]`
	Lagging      Refusal = `scl[g][m] >= need`
	Collected    Refusal = `floor[g][m] <= snap[r]`
	NoHigher     Refusal = `n > low[r]`
	AboveLowest  Refusal = `n <= Lowest(r)`
	NotCounted   Refusal = `n <= Min({low[i] : i \in Reader})`
	NoNewer      Refusal = `line[r] < newest`
	OtherTail    Refusal = `got' = [got EXCEPT ![r] = SubSeq(@, 1, Max(same))]`
	Off          Refusal = `on[r]`
	NotOff       Refusal = `~on[r]`
)

// number is an LSN, as the search has it and as a replay does.
type number interface{ ~int8 | ~int }

// mayDeliver: the reader has have records of a log that ends at end.
func mayDeliver[N number](have, end N) Refusal {
	if have >= end {
		return NothingMore
	}
	return ""
}

// mayTell: everything up to n is durable, says a writer whose log is durable up to vdl and has its last CPL at or below n at
// cpl, to a reader that was told told.
func mayTell[N number](n, told, vdl, cpl N) Refusal {
	switch {
	case n > vdl:
		return NotDurable
	case n <= told:
		return NotNewer
	case n != cpl:
		return NoCPL
	}
	return ""
}

// fits: a cached page of that version serves a query at snap.
func fits[N number](cached, snap N) bool { return cached != None && cached <= snap }

// mayAnswer: a segment that is complete up to scl, and has dropped what is below floor, answers a query at snap about a page
// whose group ends there at need.
func mayAnswer[N number](scl, need, floor, snap N) Refusal {
	switch {
	case scl < need:
		return Lagging
	case floor > snap:
		return Collected
	}
	return ""
}

// mayReport: the writer hears that the reader reads nothing below n. The report may have been sent long ago.
func mayReport[N number](n, low, lowest N) Refusal {
	switch {
	case n <= low:
		return NoHigher
	case n > lowest:
		return AboveLowest
	}
	return ""
}

// lowestOf returns the lowest point at which a reader reads, or will.
func lowestOf[N number](snap, view N) N {
	if snap != None {
		return snap
	}
	return view
}
