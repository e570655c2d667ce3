console.log("tidy to come");
