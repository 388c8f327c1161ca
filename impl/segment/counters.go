package segment

// Counters is what a segment has done in the background since it started.
type Counters struct {
	Coalesced uint64 `json:"coalesced"`       // pages that were materialised into images, each time
	Versions  uint64 `json:"-"`               // page versions above the floor that are kept now
	Collected uint64 `json:"collected"`       // records that were dropped because images stand for them
	Unfit     uint64 `json:"-"`               // times at which records did not make a page
	Filled    uint64 `json:"filled"`          // times that it was filled from a peer
	Given     uint64 `json:"given"`           // chunks of images that it gave to peers
	Scrubbed  uint64 `json:"scrubbed"`        // log entries and page images that it verified on its disk
	Rotten    uint64 `json:"rotten"`          // times that it found some which had rotted, and wrote them anew
	NoRoom    uint64 `json:"-"`               // times that its disk was full
	Uploaded  uint64 `json:"-"`               // objects that it put into the object store
	Conflicts uint64 `json:"backupConflicts"` // objects of another copy that are not what it would have put
}

// Add adds the counts of o.
func (c *Counters) Add(o Counters) {
	c.Coalesced += o.Coalesced
	c.Versions += o.Versions
	c.Collected += o.Collected
	c.Unfit += o.Unfit
	c.Filled += o.Filled
	c.Given += o.Given
	c.Uploaded += o.Uploaded
	c.Scrubbed += o.Scrubbed
	c.Rotten += o.Rotten
	c.NoRoom += o.NoRoom
	c.Conflicts += o.Conflicts
}

// Counters returns what the segment has done.
func (s *Segment) Counters() Counters {
	c := s.counters
	c.Versions = uint64(len(s.held))
	return c
}
