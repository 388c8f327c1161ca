package why

func (s *story) ofCopies() {}
