package node

// The actions of the model of readers (spec/tla/Reader.tla), as readers and the writer tell them.
const (
	ActDeliver    Action = 64 + iota // the reader has all records up to LSN
	ActTell                          // the reader was told that everything up to LSN is durable
	ActFollow                        // the reader follows the writer of Epoch, and keeps of what it has what is at or below LSN
	ActLose                          // what the reader has is void, its queries too: it serves nothing until Anew
	ActAnew                          // the reader begins anew with the log up to LSN, durable as AnewStep says, and without a page
	ActBegin                         // the query Txn begins: it reads as of LSN
	ActReadCached                    // the query Txn uses Page out of the cache; LSN is that of the page
	ActReadStored                    // the query Txn uses Page, which the segment From sent; LSN is that of the page
	ActShow                          // the query Txn is answered with Shown
	ActFinish                        // the query Txn has ended
	ActReport                        // the writer has heard that the reader From reads nothing below LSN
	ActGiveUp                        // the writer waits no longer for the reader From: its read points hold nothing back
	ActCollect                       // the writer tells segments that no query reads below LSN
	ActPromote                       // the reader is one no more: it becomes the writer
)

func (a Action) readers() (string, bool) {
	names := [...]string{"Deliver", "Tell", "Follow", "Lose", "Anew", "Begin", "ReadCached", "ReadStored", "Show", "Finish", "Report", "GiveUp",
		"Collect", "Promote"}
	if a < ActDeliver || int(a-ActDeliver) >= len(names) {
		return "", false
	}
	return names[a-ActDeliver], true
}

// OfReaders tells whether the action is one of the model of readers, and not of that of the volume.
func (a Action) OfReaders() bool {
	_, is := a.readers()
	return is
}

// AnewStep is the detail of Anew.
type AnewStep struct{ VDL LSN }

func (*AnewStep) detail() {}
func (*Shown) detail()    {}

// Shown is the detail of Show, what a query was answered with: all rows with From ≤ key < To ("": no bound), and nothing else; when More is
// set, all of them up to the last one shown.
type Shown struct {
	From, To string
	Rows     []Row // that exist, ascending
	More     bool
}
