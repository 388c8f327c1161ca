package why

func (s *story) ofLoad() {}
