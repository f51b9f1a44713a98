def document(model): return ""
